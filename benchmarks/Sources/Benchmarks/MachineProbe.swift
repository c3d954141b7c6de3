import Foundation
import Kernels
import Runs

extension Machine {
    static func probe() -> Machine {
        Machine(
            host: ProcessInfo.processInfo.hostName, processor: processorField("model name") ?? "unknown",
            cores: availableCores().count, memoryBytes: Int(ProcessInfo.processInfo.physicalMemory),
            loadBefore: currentLoad(), loadAfter: nil)
    }

    static func currentLoad() -> Double {
        let text = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
        return text.split(separator: " ").first.flatMap { Double($0) } ?? 0
    }
}

extension Versions {
    static func probe() -> Versions {
        let kernel = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? ""
        return Versions(
            tandem: tandemVersion, blas: matrixProductVersion, blasCore: matrixProductCore, mpi: "none",
            kernel: kernel.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}

/// The commit of the checkout in which this program was built, with `-dirty` if files were changed since.
func checkoutCommit(folder: String) -> String? {
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    let words = ["git", "-C", program, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    guard let ended = try? Subprocess.run(words, folder: folder), ended.exitCode == 0 else { return nil }
    return ended.output.trimmingCharacters(in: .whitespacesAndNewlines)
}
