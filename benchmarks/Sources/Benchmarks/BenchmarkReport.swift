import Foundation
import JSON

/// All results of one benchmark run. `--json` writes them with keys in snake case.
public struct BenchmarkReport: Sendable {
    public var machine: Machine
    public var versions: Versions
    public var binding: Binding
    public var commit: String?
    /// The model's name in `--model`.
    public var model: String
    public var pairs: String
    public var started: String
    public var ceiling: Ceiling?
    public var kernels: [KernelResult] = []
    public var steps: [StepResult] = []
    public var peers: [PeerResult] = []
    /// Notices, for instance about parts that were left out.
    public var notices: [String] = []
}

extension BenchmarkReport: JSONWritable {
    public var json: JSONValue {
        .fields([
            "machine": machine, "versions": versions, "binding": binding, "commit": commit, "model": model, "pairs": pairs,
            "started": started, "ceiling": ceiling, "kernels": kernels, "steps": steps, "peers": peers, "notices": notices,
        ])
    }
}
