import Foundation

/// All results of one benchmark run. `--json` writes them with keys in snake case.
public struct BenchmarkReport: Codable, Sendable {
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

    public func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}
