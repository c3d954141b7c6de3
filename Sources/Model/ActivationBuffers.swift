import Tensors

// T tokens, D model width, W projections, F feed-forward columns and H query heads of this rank.

/// What one block computes forward; backward needs it again. Normalised inputs and the gated product are recomputed
/// instead: that runs at memory speed.
struct BlockActivations {
    /// `[T, D]` the residual stream after attention.
    let middle: Matrix
    /// `[T, W]` rotated queries and keys, and values.
    let projections: Matrix
    /// `[T, H·E]`
    let attentionOutput: Matrix
    /// `[T, H]`
    let logSumExp: Matrix
    /// `[T, F]`
    let gate: Matrix
    let up: Matrix
    /// `[T, 1]`
    let attentionInverseRoot: Matrix
    let feedForwardInverseRoot: Matrix

    /// The same with projections that lie elsewhere, in a cache.
    func replacing(projections: Matrix) -> BlockActivations {
        BlockActivations(
            middle: middle, projections: projections, attentionOutput: attentionOutput, logSumExp: logSumExp, gate: gate,
            up: up, attentionInverseRoot: attentionInverseRoot, feedForwardInverseRoot: feedForwardInverseRoot)
    }

    func rows(_ count: Int) -> BlockActivations {
        BlockActivations(
            middle: middle.rows(0..<count), projections: projections.rows(0..<count),
            attentionOutput: attentionOutput.rows(0..<count), logSumExp: logSumExp.rows(0..<count),
            gate: gate.rows(0..<count), up: up.rows(0..<count),
            attentionInverseRoot: attentionInverseRoot.rows(0..<count),
            feedForwardInverseRoot: feedForwardInverseRoot.rows(0..<count))
    }
}

/// The memory of a model's forward (and backward) pass, reused for every micro-batch; it grows to the longest.
///
/// A trainable model keeps every block's activations, a frozen one has one set for all blocks.
final class ActivationBuffers {
    struct Widths {
        var model, projections, attentionOutput, heads, feedForward: Int
    }

    private let widths: Widths
    private let layerCount: Int
    private let keepsAll: Bool
    private var capacity = 0
    private var blockCapacity: [BlockActivations] = []
    private var residualCapacity: [Matrix] = []
    private var scratchCapacity: [Matrix] = []
    private let backwardScratch: [ScratchName: ScratchBuffer]

    /// Scratch matrices of backward, by what they hold.
    enum ScratchName: CaseIterable {
        case residualGradient, normalizedGradient, activatedGradient, projectionGradient, attentionGradient
    }

    final class ScratchBuffer { var matrix = Matrix(rowCount: 0, columnCount: 0) }

    init(widths: Widths, layerCount: Int, keepsAll: Bool) {
        self.widths = widths
        self.layerCount = layerCount
        self.keepsAll = keepsAll
        backwardScratch = Dictionary(uniqueKeysWithValues: ScratchName.allCases.map { ($0, ScratchBuffer()) })
    }

    /// Makes room for `tokenCount` tokens.
    func prepare(tokenCount: Int) {
        guard tokenCount > capacity else { return }
        capacity = tokenCount
        blockCapacity = []
        residualCapacity = []
        scratchCapacity = []
        blockCapacity = (0..<(keepsAll ? layerCount : 1)).map { _ in makeBlock() }
        residualCapacity = (0..<(keepsAll ? layerCount + 1 : 2)).map { _ in make(widths.model) }
        scratchCapacity = [make(widths.model), make(widths.model), make(widths.feedForward)]
    }

    /// The residual stream before block `layer`; after the last block for `layer == layerCount`.
    func residual(_ layer: Int, _ count: Int) -> Matrix {
        residualCapacity[keepsAll ? layer : layer % 2].rows(0..<count)
    }

    func block(_ layer: Int, _ count: Int) -> BlockActivations { blockCapacity[keepsAll ? layer : 0].rows(count) }
    /// `[T, D]` a norm's output.
    func normalized(_ count: Int) -> Matrix { scratchCapacity[0].rows(0..<count) }
    /// `[T, D]` what a sublayer adds to the residual stream.
    func update(_ count: Int) -> Matrix { scratchCapacity[1].rows(0..<count) }
    /// `[T, F]` silu(gate) · up.
    func gated(_ count: Int) -> Matrix { scratchCapacity[2].rows(0..<count) }

    /// Backward's own scratch, made when it is first used: frozen models never have it.
    func scratch(_ name: ScratchName, _ count: Int) -> Matrix {
        let buffer = backwardScratch[name]!
        if buffer.matrix.rowCount < count { buffer.matrix = Matrix(rowCount: capacity, columnCount: width(of: name)) }
        return buffer.matrix.rows(0..<count)
    }

    private func width(of name: ScratchName) -> Int {
        switch name {
        case .residualGradient, .normalizedGradient: widths.model
        case .activatedGradient: widths.feedForward
        case .projectionGradient: widths.projections
        case .attentionGradient: widths.attentionOutput
        }
    }

    private func make(_ width: Int) -> Matrix { Matrix(rowCount: capacity, columnCount: width) }

    private func makeBlock() -> BlockActivations {
        BlockActivations(
            middle: make(widths.model), projections: make(widths.projections),
            attentionOutput: make(widths.attentionOutput), logSumExp: make(widths.heads), gate: make(widths.feedForward),
            up: make(widths.feedForward), attentionInverseRoot: make(1), feedForwardInverseRoot: make(1))
    }
}
