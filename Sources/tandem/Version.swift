import Collectives
import HDF5
import Hashing
import Kernels
import Runs
import Tokenization

/// What `tandem --version` prints: the program, then what it was built with and the libraries that are loaded here.
var versionLines: [String] {
    [
        "tandem \(tandemVersion) (commit \(Provenance.commit ?? "unknown"))",
        "Swift       \(swiftVersion)",
        // May be asked before MPI is started.
        "MPI         \(MPIEnvironment.libraryVersion)",
        "BLAS        \(matrixProductVersion.split(separator: " ").joined(separator: " ")), kernels for \(matrixProductCore)",
        "HDF5        \(hdf5Version)",
        "PCRE2       \(pcre2Version)",
        "SHA-256     \(openSSLVersion)",
    ]
}

/// The compiler's version; it tells itself only by comparison.
private var swiftVersion: String {
    #if compiler(>=6.5)
        "6.5 or later"
    #elseif compiler(>=6.4)
        "6.4"
    #elseif compiler(>=6.3)
        "6.3"
    #else
        "6.2"
    #endif
}
