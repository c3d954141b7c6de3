import Costs
import Files
import Foundation
import JSON
import Settings

/// What a node's cores, memory and network do, as `tandem plan --measure` found it. Rates are a second: operations, bytes.
public struct MachineRates: Equatable, Sendable {
    /// One `sgemm` call on one core: `c[m, n] = a[m, k] · b[k, n]`.
    public struct Product: Equatable, Sendable {
        public var form: RequiredProduct.Form
        public var m: Int
        public var n: Int
        public var k: Int
        /// Operations a second of one core, the others waiting; nil where only all were measured.
        public var oneCore: Double?
        /// Operations a second of each core while all multiply.
        public var eachCore: Double
    }

    /// The attention kernel on texts of so many tokens; operations of the visible half.
    public struct Attention: Equatable, Sendable {
        public var tokens: Int
        /// Operations a second of each core while all work.
        public var forward: Double
        public var backward: Double
    }

    /// Seconds of a model's forward and backward over those that the rates add up to: what a rank's threads wait for each
    /// other, and what is not counted.
    public struct Overhead: Equatable, Sendable {
        public var threads: Int
        public var factor: Double
    }

    /// A reduction of so many bytes over ranks of one node, all of which take part.
    public struct Reduction: Equatable, Sendable {
        public var bytes: Int
        /// Of `MPI_Allreduce`, as the tensor axis sums activations.
        public var sumSeconds: Double
        /// Of an exchange, the sum by its owner and a gather, as the data axis adds gradients.
        public var bucketSeconds: Double
    }

    /// Between nodes: one rank's way out.
    public struct Network: Equatable, Sendable {
        public var latencySeconds: Double
        public var bytesPerSecond: Double
        /// Not measured: what Tandem assumes until someone writes other numbers here.
        public var isAssumed: Bool

        /// 10 Gbit/s Ethernet.
        public static let assumed = Network(latencySeconds: 3e-5, bytesPerSecond: 1.25e9, isAssumed: true)
    }

    public var version = 1
    public var processor: String
    /// Cores of a node.
    public var cores: Int
    /// Bytes of a node that runs may have.
    public var memoryBytes: Int
    public var products: [Product]
    public var attention: [Attention]
    /// Of each core while all work, seconds a logit beside the products: its share of a row's sums, forward; its gradient.
    public var scoreSecondsPerLogit: Double
    public var gradientSecondsPerLogit: Double
    /// STREAM's triad: all cores, and one alone.
    public var memoryBytesPerSecond: Double
    public var memoryBytesPerSecondOfOneCore: Double
    /// By the number of a rank's threads.
    public var overheads: [Overhead]
    /// Bytes of a process before it has loaded anything; what each of its threads adds; what MPI adds.
    public var processBytes: Int
    public var threadBytes: Int
    public var messagingBytes: Int
    /// Ranks that `reductions` were measured on; 1 where none were.
    public var reductionRanks: Int
    public var reductions: [Reduction]
    public var network: Network
}

extension MachineRates {
    /// With what an earlier measurement of the same machine knows and this one could not find: alone a process has no one to
    /// send to, and under mpirun a rank may have one thread.
    public func keeping(_ earlier: MachineRates) -> MachineRates {
        guard earlier.processor == processor, earlier.cores == cores else { return self }
        var rates = self
        rates.overheads += earlier.overheads.filter { old in !overheads.contains { $0.threads == old.threads } }
        rates.overheads.sort { $0.threads < $1.threads }
        if reductions.isEmpty {
            (rates.reductions, rates.reductionRanks) = (earlier.reductions, earlier.reductionRanks)
            rates.messagingBytes = earlier.messagingBytes
        }
        if network.isAssumed { rates.network = earlier.network }
        // A process with MPI in it counts it; one without is the smaller.
        rates.processBytes = min(processBytes, earlier.processBytes)
        if !reductions.isEmpty, earlier.reductions.isEmpty { rates.messagingBytes = max(0, processBytes - earlier.processBytes) }
        return rates
    }
}

// MARK: The file

extension MachineRates {
    public static let usualFile = "machine.json"

    /// - Throws: `Failure` (missing input, or damaged data) naming the file.
    public static func read(_ path: String) throws(Failure) -> MachineRates {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .missing(
                path, "can't be read", remedy: "Measure this machine with tandem plan --measure \(path), or name its file with --machine.")
        }
        let again = "Measure the machine again with tandem plan --measure \(path)."
        let rates: MachineRates
        do {
            rates = try JSONValue(parsing: Array(data)).decoded()
        } catch {
            throw .damaged(path, "does not hold a machine's rates\((error as? JSONMismatch).map { " (\($0))" } ?? "")", remedy: again)
        }
        guard rates.version == 1 else {
            throw .damaged(path, "is of version \(rates.version), and this program knows version 1", remedy: again)
        }
        guard rates.isSound else { throw .damaged(path, "holds a rate or a size that is not above 0", remedy: again) }
        return rates
    }

    /// - Throws: `Failure`: input/output naming the file, or try again where a measurement gave no number.
    public func write(_ path: String) throws(Failure) {
        guard holdsNumbers else {
            throw Failure(path, "would hold a rate that is no number", remedy: "Measure the machine again.", exitCode: .internal)
        }
        try TemporaryFile.write((json.indented + "\n").utf8, to: path)
    }

    /// The file that `tandem plan --measure` writes, to be checked before the machine is measured. A damaged one is told by its
    /// beginning.
    public static func output(_ path: String) -> OutputPath {
        OutputPath(path, option: "--measure", holding: "machine's rates") { path in
            guard let bytes = FileManager.default.contents(atPath: path) else { return false }
            if let json = try? JSONValue(parsing: Array(bytes)) { return json["processor"] != nil && json["products"] != nil }
            // Earlier programs wrote the names in alphabetical order.
            return String(decoding: bytes.prefix(64), as: UTF8.self).prefixMatch(
                of: /\s*\{\s*("attention"\s*:|"version"\s*:\s*1\s*,\s*"processor"\s*:)/) != nil
        }
    }

    private var rates: [Double] {
        products.map(\.eachCore) + products.compactMap(\.oneCore) + attention.flatMap { [$0.forward, $0.backward] }
            + [memoryBytesPerSecond, memoryBytesPerSecondOfOneCore, network.bytesPerSecond] + overheads.map(\.factor)
            + reductions.flatMap { [$0.sumSeconds, $0.bucketSeconds] }
    }

    private var holdsNumbers: Bool {
        (rates + [scoreSecondsPerLogit, gradientSecondsPerLogit, network.latencySeconds]).allSatisfy(\.isFinite)
    }

    private var isSound: Bool {
        rates.allSatisfy { $0 > 0 && $0.isFinite } && !attention.isEmpty && !overheads.isEmpty && cores > 0 && memoryBytes > 0
            && RequiredProduct.Form.allCases.allSatisfy { form in products.contains { $0.form == form } }
            && products.contains { $0.oneCore != nil } && (reductionRanks == 1 || !reductions.isEmpty)
    }
}
