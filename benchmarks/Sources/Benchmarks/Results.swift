import Foundation

/// Everything that one benchmark run found; `--json` writes it, keys in snake case.
public struct BenchmarkReport: Codable, Sendable {
    public var machine: Machine
    public var versions: Versions
    public var binding: Binding
    public var commit: String?
    /// The shape, as `--model` names it.
    public var model: String
    public var pairs: String
    public var started: String
    public var ceiling: Ceiling?
    public var kernels: [KernelResult] = []
    public var steps: [StepResult] = []
    public var peers: [PeerResult] = []
    /// What was left out, and why.
    public var notices: [String] = []

    public func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}

public struct Machine: Codable, Sendable {
    public var host: String
    public var processor: String
    public var cores: Int
    public var memoryBytes: Int
    /// Runnable processes of the last minute, before and after the run: others' work shows here, and ours in the second.
    public var loadBefore: Double
    public var loadAfter: Double?

    /// More than half of the cores had work before the run began.
    var wasBusy: Bool { loadBefore > Double(cores) / 2 }
}

public struct Versions: Codable, Sendable {
    public var tandem: String
    public var blas: String
    public var blasCore: String
    public var mpi: String
    public var kernel: String
}

/// How ranks and threads lie on the cores.
public struct Binding: Codable, Sendable {
    public var ranks: Int
    public var tensor: Int
    public var threads: Int
    /// The launcher's words.
    public var launcher: String
}

/// What the machine does at most. Rates are a second: operations of `sgemm`, bytes as STREAM counts them.
public struct Ceiling: Codable, Sendable {
    public struct Product: Codable, Sendable {
        public var name: String
        public var m: Int
        public var n: Int
        public var k: Int
        public var flopsOneThread: Double
        /// A piece of the product on every core of every rank, all at once.
        public var flopsAllCores: Double
        /// OpenBLAS's own threads; nil with one thread a rank, and where several ranks share the product.
        public var flopsLibraryThreads: Double?
    }

    public var products: [Product]
    public var bestFlops: Double
    public var copyBytesPerSecond: Double
    public var triadBytesPerSecond: Double
}

/// One kernel in one direction.
public struct KernelResult: Codable, Sendable {
    public var name: String
    public var direction: String
    public var shape: String
    public var seconds: Double
    /// The larger of operations at the best `sgemm` rate and bytes at triad's bandwidth.
    public var floorSeconds: Double
    /// Which of the two it is: `operations` or `bytes`.
    public var bound: String
    public var timeOverFloor: Double
}

/// A whole step of the trainer; figures are medians over the timed steps.
public struct StepResult: Codable, Sendable {
    public var name: String
    public var model: String
    public var ranks: Int
    public var tensor: Int
    public var threads: Int
    public var timedSteps: Int
    public var stepSeconds: Double
    /// Each timed step's seconds, in order.
    public var stepSecondsEach: [Double]
    /// Tokens computed, each prompt once.
    public var tokens: Double
    public var tokensPerSecond: Double
    /// Each completion with its own prompt, as other trainers count.
    public var sequenceTokensPerSecond: Double
    /// Nil where records are texts.
    public var pairsPerSecond: Double?
    public var modelFlops: Double
    public var modelFlopsPerSecond: Double
    public var floorSeconds: Double
    public var floorFraction: Double
    /// The floor at the best rate of any product, over the step's time.
    public var bestRateFloorFraction: Double
    /// Most memory resident, summed over ranks; a mapped file counts in each rank that reads it.
    public var peakMemoryBytes: Int
    /// The step's time split, mean over ranks.
    public var seconds: [String: Double]
    public var loss: Double
}

/// Ours against another program's, run by turns.
public struct PeerResult: Codable, Sendable {
    public var name: String
    public var peer: String
    public var versions: String
    public var rounds: Int
    public var ourSeconds: Double
    public var peerSeconds: Double
    /// Peer's median seconds over ours.
    public var speedup: Double
    public var ourPeakMemoryBytes: Int
    public var peerPeakMemoryBytes: Int
}

/// What a started process hands back.
struct MeasurementResult: Codable {
    var ceiling: Ceiling?
    var kernels: [KernelResult] = []
    var step: StepResult?
    var mpi: String?
}

/// What a started process is to do.
struct Measurement: Codable {
    enum Task: Codable {
        case ceiling
        case kernels
        /// - Parameters: model: what the report calls it. configuration: a YAML file. warmUp, timed: steps. hasPairs: records
        ///   are pairs.
        case step(name: String, model: String, configuration: String, warmUp: Int, timed: Int, hasPairs: Bool)
    }

    var tasks: [Task]
    /// Whose shapes the machine and the kernels are measured at; a step's configuration says its own.
    var model: BenchmarkModel?
    var tensor: Int
    var threads: Int
    var quick: Bool
    var output: String
}
