import Foundation
import Kernels
import Model
import Settings
import Tensors
import Weights

/// What a run will need of a node's memory, told before anything is loaded.
///
/// Only what is certain is counted: parameters, gradients and moments, the references' weights and what is cached of their
/// values, and activations. Tiles of
/// kernels, MPI's buffers and the program itself come on top, so a run that is refused can't fit; one that passes may
/// still be tight.
public struct MemoryForecast {
    /// A frozen model as it will be held.
    ///
    /// - `storedByteCount`: of the whole model, in the type that it is held in. All ranks of a node share the pages of the
    ///   mapped file, or of the copy in another type.
    /// - `placement`: its own layout; nil where it is the policy's.
    public typealias Reference = (
        name: String, configuration: ModelConfiguration, storedByteCount: Int, placement: ReferencePlacement?
    )

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
    private let recompute: Recomputation
    private let isTrained: Bool
    /// Data ranks keep the same moments, and needn't.
    private let canShareMoments: Bool

    public var byteCount: Double { items.reduce(0) { $0 + $1.byteCount } }

    /// - Parameters:
    ///   - cachedRows: of each reference whose log-probabilities every rank keeps, how many.
    ///   - layout: one that every model can be cut into.
    ///   - ranksOnNode: neighbours in the order of ranks. Where they make no whole tensor groups, the rest counts as
    ///     those ranks that hold most.
    ///   - tokensPerMicroBatch: of the fullest one; longer records are not foreseen.
    ///   - recompute: what the policy does not keep of its activations.
    ///   - zero: what the data ranks share out.
    ///   - frozenPolicyByteCount: bytes of the whole policy in its file's type, where it is evaluated and not trained.
    public init(
        policy: ModelConfiguration, references: [Reference], cachedRows: [(reference: String, count: Int)] = [],
        layout: ParallelLayout, ranksOnNode: Int, tokensPerMicroBatch: Int, recompute: Recomputation = .nothing,
        zero: ZeroStage = .nothing, frozenPolicyByteCount: Int? = nil
    ) {
        func everywhere(_ byteCountOfRank: (Int) -> Double) -> Double {
            let (groups, rest) = ranksOnNode.quotientAndRemainder(dividingBy: layout.tensor)
            let ranks = (0..<layout.tensor).map(byteCountOfRank)
            return Double(groups) * ranks.reduce(0, +) + ranks.sorted(by: >).prefix(rest).reduce(0, +)
        }
        let shards = ModelShards(policy, size: layout.tensor)
        // Value, gradient and two moments, 4 bytes each; of the moments a rank may have its data rank's share alone.
        let moments = 8 / Double(zero == .optimizerState ? layout.data : 1)
        let tokens = Double(tokensPerMicroBatch)
        /// Of a frozen model: what a rank asks for itself beside the shared weights.
        func frozenScratch(_ shards: ModelShards, _ configuration: ModelConfiguration, stored: Double) -> (Int) -> Double {
            let isWidened = stored < 4 * Double(configuration.parameterCount)
            return { 4 * (tokens * shards.frozenFloatsPerToken(rank: $0) + (isWidened ? shards.largestMatrix(rank: $0) : 0)) }
        }
        var items: [(kind: Kind, byteCount: Double)]
        let activationsOfRank: (Int) -> Double
        var rankByteCount: Double
        if let frozenPolicyByteCount {
            let whole = Double(policy.parameterCount)
            let held = min(1, everywhere { shards.parameterCount(rank: $0) / whole })
            items = [(.policy, Double(frozenPolicyByteCount) * held)]
            activationsOfRank = frozenScratch(shards, policy, stored: Double(frozenPolicyByteCount))
            rankByteCount = (0..<layout.tensor).map(activationsOfRank).max()!
        } else {
            let ownOfRank = { (8 + moments) * shards.parameterCount(rank: $0) }
            items = [(.policy, everywhere(ownOfRank))]
            activationsOfRank = { 4 * tokens * shards.trainableFloatsPerToken(rank: $0, recompute) }
            rankByteCount = (0..<layout.tensor).map { ownOfRank($0) + activationsOfRank($0) }.max()!
        }
        var activations = everywhere(activationsOfRank)
        var narrowed: [String: Double] = [:]
        for reference in references {
            let own = reference.placement?.layout
            let shards = ModelShards(reference.configuration, size: (own ?? layout).tensor)
            // Of ranks of its own their share of this node, as if nodes were alike.
            func onNode(_ byteCountOfRank: (Int) -> Double) -> Double {
                guard let own else { return everywhere(byteCountOfRank) }
                let copies = Double(own.data * ranksOnNode) / Double(max(layout.rankCount, 1))
                return copies * (0..<own.tensor).map(byteCountOfRank).reduce(0, +)
            }
            let whole = Double(reference.configuration.parameterCount)
            let held = onNode { shards.parameterCount(rank: $0) / whole }
            let stored = Double(reference.storedByteCount)
            items.append((.reference(name: reference.name), stored * min(1, held)))
            narrowed[reference.name] = 2 * whole * min(1, held)
            let scratchOfRank = frozenScratch(shards, reference.configuration, stored: stored)
            activations += onNode(scratchOfRank)
            rankByteCount += (0..<(own ?? layout).tensor).map(scratchOfRank).max()!
        }
        self.rankByteCount = rankByteCount + cachedRows.reduce(0) { $0 + 8 * Double($1.count) }
        let caches = cachedRows.map { (kind: Kind.cache(reference: $0.reference), byteCount: 8 * Double($0.count * ranksOnNode)) }
        self.items = items + [(.activations, activations)] + caches
        // Value and two moments, of which each data rank writes its share; of caches the first rank writes a copy and reads it back.
        snapshotByteCount =
            everywhere { 12 * shards.parameterCount(rank: $0) } / Double(max(layout.data, 1))
            + cachedRows.reduce(0) { $0 + 16 * Double($1.count) }
        self.narrowed = narrowed
        self.recompute = recompute
        isTrained = frozenPolicyByteCount == nil
        canShareMoments = isTrained && zero == .nothing && layout.data > 1
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
        policy: ModelConfiguration, references: [Reference], cachedRows: [(reference: String, count: Int)] = [],
        layout: ParallelLayout, ranksOnNode: Int, tokensPerMicroBatch: Int, recompute: Recomputation = .nothing,
        zero: ZeroStage = .nothing, frozenPolicyByteCount: Int? = nil, available: Int = MemoryForecast.availableByteCount(),
        limit: ProcessLimit? = nil, place: String
    ) throws(Failure) -> MemoryForecast {
        let forecast = MemoryForecast(
            policy: policy, references: references, cachedRows: cachedRows, layout: layout, ranksOnNode: ranksOnNode,
            tokensPerMicroBatch: tokensPerMicroBatch, recompute: recompute, zero: zero, frozenPolicyByteCount: frozenPolicyByteCount)
        if let limit { try forecast.check(limit, place: place) }
        guard forecast.byteCount > Double(available) else { return forecast }
        let largest = forecast.items.max { $0.byteCount < $1.byteCount }!
        let ranks = ranksOnNode == 1 ? "one rank" : "\(ranksOnNode) ranks"
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
        case .activations where recompute == .block:
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
