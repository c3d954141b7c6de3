import Collectives
import Dispatch
import Kernels
import Settings
import Tensors

// T tokens, D model width, U scored hidden rows, R targets.

/// This rank's shard of a decoder-only transformer, a list of layers. Policy and reference run the same code.
///
/// Column-parallel layers (query, key, value, gate, up) compute this rank's columns. Row-parallel layers (output, down) give
/// a `Partial`, which is all-reduced over the tensor ranks. Embedding and head are sharded over the vocabulary.
public final class Transformer<Kind: Trainability> {
    public let configuration: ModelConfiguration
    public let sharding: ModelSharding
    public let table: ParameterTable
    public let parameters: Kind.Parameters
    let tensor: any ProcessGroup
    public let workers: Workers
    /// The kernel of each block's attention. Blocks with the same scale and cap share one.
    let kernels: [Attention]
    let head: Head
    let buffers: ActivationBuffers
    let widths: ActivationWidths
    let vocabulary: Range<Int>
    /// The angles of each kind of positions that a block has.
    var rotaries: [RotaryConfiguration: Rotary]
    /// Which activations are not kept for backward, in a trainable model.
    let recompute: Recomputation
    /// Upcast weights of the layers that run together, at most three.
    let widened = (0..<3).map { _ in ScratchMatrix() }
    /// At the scored positions: `[U, D]` normalised states, `[U, D]` the final norm's input, `[U, S]` its statistics.
    private let scored = ScratchMatrix()
    private let scoredInput = ScratchMatrix()
    private let scoredStatistics = ScratchMatrix()
    /// `[U, D]` the output of each requested block at the scored positions.
    private var kept: [Int: ScratchMatrix] = [:]
    /// `[U, D]` the gradient of the head's input, where backward starts; scratch memory after the final norm.
    let headGradient = ScratchMatrix()
    /// Seconds that the head has taken so far, forward and backward, without waiting for other ranks.
    public internal(set) var headSeconds = 0.0
    /// Gets the tensors of every pass; nearly always nil.
    public var observer: TensorObserver?
    /// Counts passes, so that backward refuses an old pass, or the same pass twice.
    var passCount = 0

    /// - Parameters:
    ///   - parameters: this rank's shard of `table`, cut by `sharding` for `tensor.rank`.
    ///   - table: nil: the model's own parameters. A given table may have additional parameters.
    ///   - sharding: nil: the configuration sharded over `tensor.size` ranks.
    ///   - recompute: the activations that backward recomputes; ignored by a frozen model.
    public init(
        _ configuration: ModelConfiguration, parameters: Kind.Parameters, tensor: any ProcessGroup, workers: Workers,
        table: ParameterTable? = nil, sharding: ModelSharding? = nil, recompute: Recomputation = .nothing
    ) {
        self.configuration = configuration
        self.parameters = parameters
        self.tensor = tensor
        self.workers = workers
        self.recompute = recompute
        let sharding = sharding ?? ModelSharding(configuration, size: tensor.size)
        self.sharding = sharding
        self.table = table ?? ParameterTable(configuration)
        vocabulary = sharding.range(of: .vocabulary, rank: tensor.rank)
        kernels = Transformer.kernels(configuration, sharding, rank: tensor.rank, workers)
        head = Head(workers: workers, softCap: configuration.head.softCap)
        let kinds = Set(configuration.blocks.compactMap(\.attention.rotary))
        rotaries = Dictionary(
            uniqueKeysWithValues: kinds.map { ($0, Rotary($0, headDimension: configuration.headDimension, positionCount: 0)) })
        widths = ActivationWidths(configuration.blocks[0], sharding, rank: tensor.rank)
        for block in configuration.blocks {
            invariant(ActivationWidths(block, sharding, rank: tensor.rank) == widths, "blocks have equal widths")
        }
        buffers = ActivationBuffers(
            widths: widths, layerCount: configuration.layerCount, keeping: Kind.keepsActivations ? .forBackward(recompute) : .nothing)
    }

    private static func kernels(
        _ configuration: ModelConfiguration, _ sharding: ModelSharding, rank: Int, _ workers: Workers
    ) -> [Attention] {
        var kernels: [[Double?]: Attention] = [:]
        return configuration.blocks.map { block in
            let (scale, softCap) = (block.attention.scale, block.attention.scoreSoftCap)
            let kernel =
                kernels[[scale, softCap]]
                ?? Attention(
                    groupCount: sharding.keyValueHeads[rank].count, headsPerGroup: configuration.headsPerGroup,
                    headDimension: configuration.headDimension, scale: scale, softCap: softCap, workers: workers)
            kernels[[scale, softCap]] = kernel
            return kernel
        }
    }

    /// Makes room for micro-batches of `tokenCount` tokens, so that the buffers do not grow later. Untouched buffers take no
    /// physical memory.
    public func reserve(tokenCount: Int) { buffers.prepare(tokenCount: tokenCount) }

    /// Scores the plan's rows. Collective over the tensor ranks; all ranks get the same values.
    public func forward(
        _ plan: ForwardPlan, _ request: ForwardRequest = ForwardRequest()
    ) throws(CollectiveError) -> ForwardPass {
        try runBlocks(plan, keeping: request.layers)
        return ForwardPass(
            number: passCount, scored: try scoreRows(plan, request), layers: keptLayers(request.layers, plan),
            headGradient: nil)
    }

    /// Runs embedding and blocks. The residual stream after the last block stays in its buffer, for the rows of
    /// `plan.lastBlock`.
    func runBlocks(_ plan: ForwardPlan, keeping layers: Set<Int>) throws(CollectiveError) {
        passCount += 1
        let count = plan.axis.count
        buffers.prepare(tokenCount: count)
        try embed(plan.axis.tokens, positions: plan.axis.positions, into: buffers.residual(0, count))
        for (layer, pass) in blockPasses(plan).enumerated() {
            try forwardBlock(layer, buffers.attention(layer, count), pass) { attend(layer, $0, pass.attention, $1) }
            if layers.contains(layer) {
                let rows = kept[layer, default: ScratchMatrix()]
                kept[layer] = rows
                let isLast = layer == table.blocks.count - 1
                gather(
                    isLast ? plan.scoredOutputs : plan.scoredTokens, from: buffers.residual(layer + 1, pass.outputCount), into: rows)
            }
        }
    }

    /// What the steps of each block share. Makes sure that there are angles for all positions.
    func blockPasses(_ plan: ForwardPlan) -> [BlockPass] {
        let lengths = hasLengths ? plan.lengths : nil
        prepareRotaries(plan.axis.positions, lengths)
        var plans: [Int?: AttentionPlan] = [:]
        let last = table.blocks.count - 1
        return table.blocks.indices.map { layer in
            let window = configuration.blocks[layer].attention.window
            let selection = layer == last && !plan.lastBlock.isWhole ? plan.lastBlock : nil
            var attention = plans[window]
            if selection != nil || attention == nil {
                attention = plan.attention(window: window, isLastBlock: selection != nil)
                if selection == nil { plans[window] = attention }
            }
            return BlockPass(
                positions: plan.axis.positions, lengths: lengths, selection: selection, attention: attention!)
        }
    }

    /// Whether the angle of a token depends on the length of its sequence.
    var hasLengths: Bool { configuration.blocks.contains { $0.attention.rotary?.lengthLimit != nil } }

    func keptLayers(_ layers: Set<Int>, _ plan: ForwardPlan) -> [Int: Matrix] {
        Dictionary(
            uniqueKeysWithValues: layers.map { layer in
                (layer, kept[layer]!.matrix(rowCount: plan.scoredPositions.count, columnCount: configuration.hiddenSize))
            })
    }

    /// Final norm and head, on the scored positions only.
    private func scoreRows(_ plan: ForwardPlan, _ request: ForwardRequest) throws(CollectiveError) -> ScoredBatch {
        let start = headClock
        defer { headSeconds += headClock - start }
        let states = normalizedStates(plan)
        let weight = parameters.weight(table.head.weight)
        let (bias, references) = (headBias, request.referenceHeads)
        let (partial, partialDistributions) = head.forward(
            states.normalized, weight: weight, bias: bias, range: vocabulary, targets: plan.targets, references: references,
            requests: request.distributions)
        let whole = try combined(partial, targetRows: plan.targetRows)
        var distributions = try combined(partialDistributions, request.distributions)
        let sums = head.accumulate(
            states.normalized, weight: weight, bias: bias, range: vocabulary, references: references,
            requests: request.distributions, rows: distributions)
        try addSums(sums, request.distributions, to: &distributions)
        return ScoredBatch(
            rows: whole.rows, logProbabilities: whole.logProbabilities, targetRows: plan.targetRows,
            distributions: distributions)
    }

    /// All-reduces the sums over the tensor ranks, and combines them to statistics of each row.
    func combined(
        _ partial: PartialRowStatistics, targetRows: [Int]
    ) throws(CollectiveError) -> (rows: [RowStatistics], logProbabilities: [Double]) {
        let maximum = try tensor.allReduceMaximum(partial.maximum)
        return PartialRowStatistics.combined(
            maximum: maximum, sums: try tensor.allReduce(partial.rescaled(to: maximum)),
            mostProbable: try tensor.allReduceMinimum(partial.candidates(for: maximum)), targetRows: targetRows,
            vocabularySize: configuration.vocabularySize)
    }

    /// The same for each request's distributions.
    func combined(
        _ partials: [PartialDistributionStatistics], _ requests: [DistributionRequest]
    ) throws(CollectiveError) -> [[DistributionRow]] {
        var distributions: [[DistributionRow]] = []
        for (partial, request) in zip(partials, requests) {
            let maximum = try tensor.allReduceMaximum(partial.maximum)
            distributions.append(
                PartialDistributionStatistics.combined(
                    maximum: maximum, sums: try tensor.allReduce(partial.rescaled(to: maximum)),
                    mostProbable: try tensor.allReduceMinimum(partial.candidates(for: maximum)),
                    referenceCount: request.loss.references.count))
        }
        return distributions
    }

    /// All-reduces the sums of the second pass over the tensor ranks, and gives them to the rows.
    func addSums(
        _ sums: [[Double]], _ requests: [DistributionRequest], to distributions: inout [[DistributionRow]]
    ) throws(CollectiveError) {
        for (index, request) in requests.enumerated() where request.loss.sumCount > 0 {
            distributions[index].setSums(try tensor.allReduce(sums[index]), sumCount: request.loss.sumCount)
        }
    }

    struct ScoredStates {
        /// `[U, D]` the residual stream at the scored positions, before the final norm, and the head's input: behind the norm,
        /// times the scale of the logits.
        let input, normalized: Matrix
        /// `[U, S]` of the final norm.
        let statistics: Matrix
    }

    /// Gathers the scored positions of the residual stream after the last block, and normalises them.
    func normalizedStates(_ plan: ForwardPlan) -> ScoredStates {
        let states = scoredStates(plan)
        forward(table.finalNorm, states.input, endWeights, into: states.normalized, statistics: states.statistics)
        if configuration.head.scale != 1 { Elementwise.scale(states.normalized, by: Float(configuration.head.scale), workers: workers) }
        return states
    }

    /// Gathers the scored positions of the residual stream after the last block. The normalised states and inverse roots keep
    /// the values of the last norm. Valid until the next forward.
    func scoredStates(_ plan: ForwardPlan) -> ScoredStates {
        let (count, width) = (plan.scoredPositions.count, configuration.hiddenSize)
        let output = buffers.residual(table.blocks.count, plan.lastBlock.count)
        return ScoredStates(
            input: plan.scoredOutputs.isWhole ? output : gather(plan.scoredOutputs, from: output, into: scoredInput),
            normalized: scored.matrix(rowCount: count, columnCount: width),
            statistics: scoredStatistics.matrix(rowCount: count, columnCount: Normalization(configuration.finalNorm).statisticsPerRow))
    }

    /// Gathers a selection's rows of `states` into `scratch`.
    @discardableResult
    private func gather(_ selection: RowSelection, from states: Matrix, into scratch: ScratchMatrix) -> Matrix {
        let rows = scratch.matrix(rowCount: selection.count, columnCount: states.columnCount)
        selection.gather(states, into: rows, workers: workers)
        return rows
    }

    /// A clock in seconds that leaves out the time spent waiting for other ranks.
    var headClock: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 - tensor.secondsWaited }

    /// Makes the angles of these tokens.
    func prepareRotaries(_ positions: [Int32], _ lengths: [Int32]?) {
        for kind in rotaries.keys { rotaries[kind]!.prepare(positions: positions, lengths: lengths) }
    }

    /// The final norm and the head.
    var endWeights: LayerWeights { LayerWeights(parameters, 0..<table.specifications.count) }

    /// The head's bias for this rank's range of the vocabulary.
    var headBias: Matrix? { table.head.bias.map { parameters.vector($0) } }
}
