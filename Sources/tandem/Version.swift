import Collectives
import HDF5
import Hashing
import Kernels
import Runs
import Tokenization

/// The lines of `tandem --version`: the program, the compiler and the loaded libraries.
var versionLines: [String] {
    [
        "tandem \(tandemVersion) (commit \(Provenance.commit ?? "unknown"))",
        "Swift       \(swiftVersion)",
        // MPI need not be started for this call.
        "MPI         \(MPIEnvironment.libraryVersion)",
        "BLAS        \(matrixProductVersion.split(separator: " ").joined(separator: " ")), kernels for \(matrixProductCore)",
        "HDF5        \(hdf5Version)",
        "PCRE2       \(pcre2Version)",
        "SHA-256     \(openSSLVersion)",
    ]
}

/// The compiler's version. Swift code can only compare it.
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
