import Tensors

// J query heads a group, E head dimension, R stacked rows of a piece, N packed keys of a task.

/// One thread's memory: a piece of queries, a tile of scores, and the gradients of a task's keys.
final class AttentionScratch: @unchecked Sendable {
    /// `[R, E]` queries times log₂e · scale: scores are exponents of 2.
    let queries: Panels
    /// `[R, E]` unnormalised outputs; in backward the gradients of the queries.
    let outputs: Panels
    /// `[R, E]`
    let outputGradients: Panels
    /// `[R, 160]` scores, then weights, of a tile of keys.
    let scores: UnsafeMutablePointer<Float>
    /// `[R, 160]` gradients of weights, then of scores.
    let scoreGradients: UnsafeMutablePointer<Float>
    /// `[R]` each row's largest score so far; in backward its log-sum-exp in powers of 2.
    let maxima: UnsafeMutablePointer<Float>
    /// `[R]` each row's sum of 2^(score − maximum); in backward its correction Σ o·∂o.
    let sums: UnsafeMutablePointer<Float>
    /// `[R, 160]` the derivatives of capped scores; nil without a cap.
    let slopes: UnsafeMutablePointer<Float>?
    /// `[R]` keys of the tile up to the last that each row sees.
    let visible: UnsafeMutablePointer<Int32>
    /// `[R]` keys of the tile before the first that each row sees; written for tiles with such keys.
    let hidden: UnsafeMutablePointer<Int32>

    private let sizes: AttentionSizes
    private let pieceStorage: Storage
    private let gradientStorage = GrowingStorage()

    init(_ sizes: AttentionSizes, keepsSlopes: Bool) {
        self.sizes = sizes
        let (rows, columns) = (sizes.rowCapacity, sizes.headDimension)
        let panelFloats = Panels.floatCount(rowCapacity: rows, columnCount: columns)
        let scoreFloats = rows * AttentionSizes.scoreStride
        let listFloats = (rows + 15) / 16 * 16
        pieceStorage = Storage(floatCount: 3 * panelFloats + (keepsSlopes ? 3 : 2) * scoreFloats + 4 * listFloats)
        var next = pieceStorage.base.assumingMemoryBound(to: Float.self)
        func take(_ count: Int) -> UnsafeMutablePointer<Float> {
            defer { next += count }
            return next
        }
        func takePanels() -> Panels { Panels(pointer: take(panelFloats), rowCapacity: rows, columnCount: columns) }
        (queries, outputs, outputGradients) = (takePanels(), takePanels(), takePanels())
        (scores, scoreGradients) = (take(scoreFloats), take(scoreFloats))
        slopes = keepsSlopes ? take(scoreFloats) : nil
        (maxima, sums) = (take(listFloats), take(listFloats))
        visible = UnsafeMutableRawPointer(take(listFloats)).assumingMemoryBound(to: Int32.self)
        hidden = UnsafeMutableRawPointer(take(listFloats)).assumingMemoryBound(to: Int32.self)
    }

    /// Makes room for the gradients of `keyRowCount` keys.
    func reserve(keyRowCount: Int) { gradientStorage.grow(to: 2 * keyRowCount * sizes.paddedDimension) }

    /// The memory of gradients of keys that no other task sees.
    var keyGradients: UnsafeMutablePointer<Float> { gradientStorage.floats }
}
