import Foundation
import Kernels
import Model
import Settings
import Tensors
import Weights

/// What a run will need of a node's memory, told before anything is loaded.
///
/// Only certain parts count: parameters, gradients, moments, the references' weights and cached values, and activations.
/// Tiles of kernels, MPI's buffers and the program come on top. So a run that is refused can't fit, and a run that passes
/// may still be tight.
public struct MemoryForecast {
    public enum Kind: Equatable, Sendable {
        case policy
        case reference(name: String)
        case activations
        case cache(reference: String)
    }

    /// In the order of the kinds; bytes, over all ranks of the node. Doubles, because settings may ask for anything.
    public let items: [(kind: Kind, byteCount: Double)]
    /// Bytes that a checkpoint being written beside the steps takes at worst, over all ranks of the node: where nothing of it
    /// is written when parameters and moments change. Not among the items, since a run can do without.
    public let snapshotByteCount: Double
    /// Bytes that the fullest rank asks for itself, beside files that it maps and what ranks of a node share.
    public let rankByteCount: Double
    /// Of each reference, what its weights would take as bfloat16 copies.
    private let narrowed: [String: Double]
    private let shape: RunShape

    private var isTrained: Bool { shape.frozenPolicyByteCount == nil }
    /// Data ranks keep the same moments, and needn't.
    private var canShareMoments: Bool { isTrained && shape.zero == .nothing && shape.layout.data > 1 }

    public var byteCount: Double { items.reduce(0) { $0 + $1.byteCount } }

    /// - Parameters:
    ///   - shape: its `ranksPerNode` are neighbours in the order of ranks. Where they make no whole tensor groups, the rest
    ///     counts as those ranks that hold most.
    ///   - tokensPerMicroBatch: of the fullest one; longer records are not foreseen. All count as scored.
    ///   - cachedRows: for each reference whose log-probabilities every rank keeps, how many.
    public init(_ shape: RunShape, tokensPerMicroBatch: Int, cachedRows: [(reference: String, count: Int)] = []) {
        let (layout, tokens) = (shape.layout, Double(tokensPerMicroBatch))
        func everywhere(_ byteCountOfRank: (Int) -> Double) -> Double {
            let (groups, rest) = shape.ranksPerNode.quotientAndRemainder(dividingBy: layout.tensor)
            let ranks = (0..<layout.tensor).map(byteCountOfRank)
            return Double(groups) * ranks.reduce(0, +) + ranks.sorted(by: >).prefix(rest).reduce(0, +)
        }
        let shards = ModelShards(shape.policy, size: layout.tensor)
        /// Bytes that a rank asks for itself to run a frozen model, beside the shared weights.
        func upcastBytes(_ shards: ModelShards, stored: Int, rank: Int) -> Double {
            stored < 4 * shards.configuration.parameterCount ? 4 * shards.largestMatrix(rank: rank) : 0
        }
        let activationsOfRank = { rank in
            4 * shape.activationFloats(shards, tokens: tokens, rows: tokens, tensorRank: rank)
                + (shape.frozenPolicyByteCount.map { upcastBytes(shards, stored: $0, rank: rank) } ?? 0)
        }
        let ownOfRank = { rank in
            let bytes = shape.trainedBytes(shards, tensorRank: rank)
            return shape.frozenPolicyByteCount == nil ? bytes.weights + bytes.gradients + bytes.moments : 0
        }
        var items: [(kind: Kind, byteCount: Double)]
        if let stored = shape.frozenPolicyByteCount {
            let whole = Double(shape.policy.parameterCount)
            items = [(.policy, Double(stored) * min(1, everywhere { shards.parameterCount(rank: $0) / whole }))]
        } else {
            items = [(.policy, everywhere(ownOfRank))]
        }
        var rankByteCount = (0..<layout.tensor).map { ownOfRank($0) + activationsOfRank($0) }.max()!
        var activations = everywhere(activationsOfRank)
        var narrowed: [String: Double] = [:]
        for reference in shape.references {
            let own = reference.shards(in: layout)
            // A reference on ranks of its own has a part of them on this node, as if nodes were alike.
            func onNode(_ byteCountOfRank: (Int) -> Double) -> Double {
                guard let placed = reference.placement?.layout else { return everywhere(byteCountOfRank) }
                let copies = Double(placed.data * shape.ranksPerNode) / Double(max(layout.rankCount, 1))
                return copies * (0..<placed.tensor).map(byteCountOfRank).reduce(0, +)
            }
            let whole = Double(reference.model.parameterCount)
            let held = min(1, onNode { own.parameterCount(rank: $0) / whole })
            items.append((.reference(name: reference.name), Double(reference.storedByteCount) * held))
            narrowed[reference.name] = 2 * whole * held
            let scratchOfRank = { rank in
                4 * reference.activationFloats(own, tokens: tokens, rank: rank)
                    + upcastBytes(own, stored: reference.storedByteCount, rank: rank)
            }
            activations += onNode(scratchOfRank)
            rankByteCount += (0..<own.sharding.size).map(scratchOfRank).max()!
        }
        let cached = cachedRows.map { ($0.reference, Double(RunShape.Reference.cachedBytesPerRow * $0.count)) }
        let cachedBytesOfRank = cached.reduce(0) { $0 + $1.1 }
        self.rankByteCount = rankByteCount + cachedBytesOfRank
        let caches = cached.map { (kind: Kind.cache(reference: $0), byteCount: $1 * Double(shape.ranksPerNode)) }
        self.items = items + [(.activations, activations)] + caches
        // Each data rank writes its shard. The first rank writes a copy of the caches and reads it back.
        snapshotByteCount = everywhere { shape.stateBytes(tensorRank: $0) } + 2 * cachedBytesOfRank
        self.narrowed = narrowed
        self.shape = shape
    }

    /// Refuses a run that this node has no memory for. To be asked before any model is loaded.
    ///
    /// - Parameters:
    ///   - limit: of this process.
    ///   - place: the configuration's file, for the error.
    /// - Returns: the forecast.
    /// - Throws: `Failure` (configuration) naming the largest part, the sum, what there is, and a remedy.
    @discardableResult
    public static func check(
        _ shape: RunShape, tokensPerMicroBatch: Int, cachedRows: [(reference: String, count: Int)] = [],
        available: Int = MemoryForecast.availableByteCount(), limit: ProcessLimit? = nil, place: String
    ) throws(Failure) -> MemoryForecast {
        let forecast = MemoryForecast(shape, tokensPerMicroBatch: tokensPerMicroBatch, cachedRows: cachedRows)
        if let limit { try forecast.check(limit, place: place) }
        guard forecast.byteCount > Double(available) else { return forecast }
        let largest = forecast.items.max { $0.byteCount < $1.byteCount }!
        let ranks = shape.ranksPerNode == 1 ? "one rank" : "\(shape.ranksPerNode) ranks"
        throw .configuration(
            place,
            "the run needs \(gibibytes(forecast.byteCount)) of memory on this node for \(ranks), "
                + "\(gibibytes(largest.byteCount)) of it for \(forecast.described(largest.kind, tokensPerMicroBatch)), "
                + "but \(gibibytes(Double(available))) are available",
            remedy: forecast.remedy(for: largest.kind, byteCount: largest.byteCount))
    }

    private func check(_ limit: ProcessLimit, place: String) throws(Failure) {
        let products = Double(matrixProductByteCount)
        let needed = rankByteCount + products + Double(ProcessLimit.margin)
        guard needed > Double(limit.rest) else { return }
        throw .configuration(
            place,
            "a rank needs \(MemoryForecast.mebibytes(needed)) more memory, \(MemoryForecast.mebibytes(products)) of it for the matrix products "
                + "of one thread, but \(limit.kind.rawValue) leaves it \(MemoryForecast.mebibytes(Double(limit.rest)))",
            remedy: "Raise that limit (\(limit.kind.rawValue) unlimited), or lower schedule.tokens_per_micro_batch or the model's size.")
    }

    private func described(_ kind: Kind, _ tokens: Int) -> String {
        switch kind {
        case .policy: isTrained ? "the policy's weights, gradients and moments" : "the model's weights"
        case .reference(let name): "reference \(name)"
        case .activations: "the activations of \(tokens) tokens a micro-batch"
        case .cache(let name): "the cached values of reference \(name)"
        }
    }

    private func remedy(for kind: Kind, byteCount: Double) -> String {
        switch kind {
        case .policy where canShareMoments:
            "Set parallel.zero: 1, use more nodes, more tensor ranks (parallel.tensor) in place of data ranks, or a smaller "
                + "model."
        case .policy: "Use more nodes, more tensor ranks (parallel.tensor) in place of data ranks, or a smaller model."
        case .activations where !isTrained:
            "Lower schedule.tokens_per_micro_batch, or use more nodes or more tensor ranks."
        case .activations where shape.recompute == .block:
            "Lower schedule.tokens_per_micro_batch, or use more nodes or more tensor ranks."
        case .activations:
            "Lower schedule.tokens_per_micro_batch, set schedule.recompute: block, or use more nodes or more tensor ranks."
        case .cache(let name): "Set references.\(name).cache: off, or start fewer ranks on a node with more threads each."
        case .reference(let name) where narrowed[name]! < byteCount:
            "Set references.\(name).storage: bfloat16, spread more tensor ranks (parallel.tensor) over more nodes, "
                + "or choose a smaller model."
        case .reference: "Spread more tensor ranks (parallel.tensor) over more nodes, or choose a smaller model."
        }
    }

    private static func mebibytes(_ byteCount: Double) -> String { String(format: "%.0f MiB", byteCount / 0x1p20) }

    private static func gibibytes(_ byteCount: Double) -> String { String(format: "%.1f GiB", byteCount / 0x1p30) }
}
