import Foundation
import JSON
import Planning
import Settings

/// Another program that computes the same step from the same weights and records: a script of `benchmarks/peers`.
struct Peer {
    let name: String
    let script: String
    let takesPairs: Bool

    /// Nil for a part without a peer.
    init?(_ part: BenchmarkPart) {
        switch part {
        case .shortTexts: (name, script, takesPairs) = ("PyTorch", "lm_torch.py", false)
        case .preferenceOnTheFly, .preferenceCached: (name, script, takesPairs) = ("TRL", "dpo_trl.py", true)
        default: return nil
        }
    }

    /// The output of a script.
    struct Result: JSONReadable {
        /// The seconds of each step but the first.
        let seconds: [Double]
        let peakMemoryBytes: Int
        let versions: String

        init(json: JSONValue) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            seconds = try fields["seconds"]
            peakMemoryBytes = try fields["peak_memory_bytes"]
            versions = try fields["versions"]
        }
    }

    func measure(
        python: String, model: String, records: String, steps: Int, threads: Int, folder: String
    ) throws -> Result {
        let output = folder + "/peer.json"
        try? FileManager.default.removeItem(atPath: output)
        let words = [
            python, "\(try Peer.scriptFolder())/\(script)", model, records, "--steps", "\(steps)", "--threads", "\(threads)",
            "--json", output,
        ]
        let ended = try Subprocess.run(words, folder: folder, environment: Peer.environment)
        guard ended.exitCode == 0 else {
            throw Failure(
                "\(python) \(script)", "ended with exit code \(ended.exitCode) (\(ended.errorOutput.split(separator: "\n").last ?? ""))",
                remedy: "Its environment needs torch, transformers and trl.", exitCode: .missingInput)
        }
        return try Result(json: JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: output)))))
    }

    /// These variables let glibc keep freed memory and use huge pages. Without them PyTorch is much slower here. Its threads
    /// are bound to cores, like Tandem's.
    private static let environment = [
        "HF_HUB_OFFLINE": "1", "OMP_PROC_BIND": "true", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "68719476736",
        "MALLOC_TOP_PAD_": "268435456", "MALLOC_ARENA_MAX": "1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    ]

    /// `benchmarks/peers` of the checkout in which this program was built.
    private static func scriptFolder() throws -> String {
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let scripts = folder.appendingPathComponent("benchmarks/peers").path
            if FileManager.default.fileExists(atPath: scripts + "/lm_torch.py") { return scripts }
        }
        throw Failure.missing("benchmarks/peers", "is not in a folder above this program", remedy: "Build the program in its checkout.")
    }
}
