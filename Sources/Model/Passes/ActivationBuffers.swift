import Kernels
import Settings
import Tensors

// T tokens, U scored positions, D model width, W projections, F feed-forward columns and H query heads of this rank.

/// The memory of a model's forward and backward passes, reused for every micro-batch. It grows to the longest micro-batch;
/// after that no step allocates.
final class ActivationBuffers {
    /// Which activations every block keeps until backward. All blocks share one set of the other activations.
    struct Keeping {
        let residuals, attention, feedForward: Bool

        /// For a model without backward.
        static let nothing = Keeping(residuals: false, attention: false, feedForward: false)

        static func forBackward(_ recompute: Recomputation) -> Keeping {
            Keeping(residuals: true, attention: recompute == .nothing, feedForward: recompute != .block)
        }
    }

    private let widths: ActivationWidths
    private let layerCount: Int
    private let keeping: Keeping
    private var capacity = 0
    private var attentionCapacity: [AttentionActivations] = []
    private var feedForwardCapacity: [FeedForwardActivations] = []
    private var residualCapacity: [Matrix] = []
    private var scratchCapacity: [Matrix] = []
    private let backwardScratch: [ScratchName: ScratchBuffer]
    /// `[U, D]` the gradient of the final norm's input.
    let scoredGradient = ScratchMatrix()
    /// `[T, 1]` sums over the heads of all ranks.
    let headSums = ScratchMatrix()
    /// A norm's sums in backward.
    let normSums = ScratchMatrix()
    /// `[L, A]` queries and attention output, or their gradients, of the tokens for which a block computes an output; the
    /// queries before their norm, and its statistics.
    let selectedQueries = ScratchMatrix()
    let selectedOutput = ScratchMatrix()
    let selectedRaw = ScratchMatrix()
    let selectedRawStatistics = ScratchMatrix()
    /// `[T, D]` a second sublayer's output or normalised input, in parallel blocks and behind norms.
    let second = ScratchMatrix()

    /// Scratch matrices of backward, by content.
    enum ScratchName: CaseIterable {
        case residualGradient, normalizedGradient, activatedGradient, projectionGradient, attentionGradient
        /// Of what a sublayer adds to the stream, where it is not the stream's own; of a second norm's output.
        case updateGradient, secondGradient
    }

    final class ScratchBuffer { var matrix = Matrix(rowCount: 0, columnCount: 0) }

    init(widths: ActivationWidths, layerCount: Int, keeping: Keeping) {
        self.widths = widths
        self.layerCount = layerCount
        self.keeping = keeping
        backwardScratch = Dictionary(uniqueKeysWithValues: ScratchName.allCases.map { ($0, ScratchBuffer()) })
    }

    /// Makes room for `tokenCount` tokens.
    func prepare(tokenCount: Int) {
        guard tokenCount > capacity else { return }
        capacity = tokenCount
        // Frees the old memory before it allocates new memory.
        attentionCapacity = []
        feedForwardCapacity = []
        residualCapacity = []
        scratchCapacity = []
        attentionCapacity = (0..<(keeping.attention ? layerCount : 1)).map { _ in makeAttention() }
        feedForwardCapacity = (0..<(keeping.feedForward ? layerCount : 1)).map { _ in makeFeedForward() }
        // A block's output needs other memory than its input, so there are at least two.
        residualCapacity = (0..<(keeping.residuals ? layerCount + 1 : 2)).map { _ in make(widths.model) }
        scratchCapacity = [make(widths.model), make(widths.model), make(widths.feedForward)]
    }

    /// The residual stream before block `layer`; after the last block for `layer == layerCount`.
    func residual(_ layer: Int, _ count: Int) -> Matrix { residualCapacity[layer % residualCapacity.count].rows(0..<count) }

    func attention(_ layer: Int, _ count: Int) -> AttentionActivations {
        attentionCapacity[layer % attentionCapacity.count].rows(count)
    }

    func feedForward(_ layer: Int, _ count: Int) -> FeedForwardActivations {
        feedForwardCapacity[layer % feedForwardCapacity.count].rows(count)
    }

    /// `[T, D]` a norm's output.
    func normalized(_ count: Int) -> Matrix { scratchCapacity[0].rows(0..<count) }
    /// `[T, D]` a sublayer's output, which is added to the residual stream.
    func update(_ count: Int) -> Matrix { scratchCapacity[1].rows(0..<count) }
    /// `[T, F]` the input of the feed-forward layer's last product.
    func activated(_ count: Int) -> Matrix { scratchCapacity[2].rows(0..<count) }

    /// Scratch memory of backward. It is allocated at its first use, so frozen models never have it.
    func scratch(_ name: ScratchName, _ count: Int) -> Matrix {
        let buffer = backwardScratch[name]!
        if buffer.matrix.rowCount < count { buffer.matrix = Matrix(rowCount: capacity, columnCount: width(of: name)) }
        return buffer.matrix.rows(0..<count)
    }

    private func width(of name: ScratchName) -> Int {
        switch name {
        case .residualGradient, .normalizedGradient, .updateGradient, .secondGradient: widths.model
        case .activatedGradient: widths.feedForward
        case .projectionGradient: widths.projections
        case .attentionGradient: widths.attentionOutput
        }
    }

    private func make(_ width: Int) -> Matrix { Matrix(rowCount: capacity, columnCount: width) }

    private func makeAttention() -> AttentionActivations {
        AttentionActivations(
            statistics: make(widths.statistics), projections: make(widths.projections), raw: make(widths.raw),
            rawStatistics: make(widths.rawStatistics), output: make(widths.attentionOutput), logSumExp: make(widths.heads),
            update: make(widths.update), updateStatistics: make(widths.updateStatistics))
    }

    private func makeFeedForward() -> FeedForwardActivations {
        FeedForwardActivations(
            middle: make(widths.middle), statistics: make(widths.feedForwardStatistics),
            gate: widths.isGated ? make(widths.feedForward) : nil, up: make(widths.feedForward), update: make(widths.update),
            updateStatistics: make(widths.updateStatistics))
    }
}
