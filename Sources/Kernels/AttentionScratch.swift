import Tensors

// J query heads a group, E head dimension, R stacked rows of a piece, N packed keys of a task.

/// The sizes that one call works with.
struct AttentionSizes: Sendable {
    let headsPerGroup: Int
    let headDimension: Int

    /// Keys whose scores are computed together: with R rows they and their gradients stay in the second-level cache.
    static let keyLimit = 144
    /// Floats from row to row of a tile of scores: room for a register tile that runs over the end, and no power of two,
    /// which would put a column's values into few sets of the first-level cache.
    static let scoreStride = keyLimit + 16
    /// Rows that are computed together; divisible by most numbers of heads, and by a register tile's six rows.
    private static let rowLimit = 96

    /// Query tokens of a piece: their J heads are stacked.
    var tokenLimit: Int { max(1, AttentionSizes.rowLimit / headsPerGroup) }
    /// R, rounded up to whole register tiles.
    var rowCapacity: Int {
        (tokenLimit * headsPerGroup + RegisterTile.rowCount - 1) / RegisterTile.rowCount * RegisterTile.rowCount
    }
    /// E, rounded up to whole panels.
    var paddedDimension: Int { Panels.floatCount(rowCapacity: 1, columnCount: headDimension) }
}

/// One thread's memory: a piece of queries, a tile of scores, and the gradients of a task's keys.
final class AttentionScratch: @unchecked Sendable {
    /// `[R, E]` queries times log₂e/√E: scores are exponents of 2.
    let queries: Panels
    /// `[R, E]` unnormalised outputs, or the gradients of the queries.
    let outputs: Panels
    /// `[R, E]`
    let outputGradients: Panels
    /// `[R, 160]` scores, then weights, of a tile of keys.
    let scores: UnsafeMutablePointer<Float>
    /// `[R, 160]` gradients of weights, then of scores.
    let scoreGradients: UnsafeMutablePointer<Float>
    /// `[R]` of each row so far: the largest score, or the log-sum-exp in powers of 2.
    let maxima: UnsafeMutablePointer<Float>
    /// `[R]` sums of 2^(score − maximum), or the corrections Σ o·∂o.
    let sums: UnsafeMutablePointer<Float>
    /// `[R]` keys of the tile that each row sees.
    let visible: UnsafeMutablePointer<Int32>

    private let sizes: AttentionSizes
    private let pieceStorage: Storage
    private let gradientStorage = GrowingStorage()

    init(_ sizes: AttentionSizes) {
        self.sizes = sizes
        let (rows, columns) = (sizes.rowCapacity, sizes.headDimension)
        let panelFloats = Panels.floatCount(rowCapacity: rows, columnCount: columns)
        let scoreFloats = rows * AttentionSizes.scoreStride
        let listFloats = (rows + 15) / 16 * 16
        pieceStorage = Storage(floatCount: 3 * panelFloats + 2 * scoreFloats + 3 * listFloats)
        var next = pieceStorage.base.assumingMemoryBound(to: Float.self)
        func take(_ count: Int) -> UnsafeMutablePointer<Float> {
            defer { next += count }
            return next
        }
        func takePanels() -> Panels { Panels(pointer: take(panelFloats), rowCapacity: rows, columnCount: columns) }
        (queries, outputs, outputGradients) = (takePanels(), takePanels(), takePanels())
        (scores, scoreGradients) = (take(scoreFloats), take(scoreFloats))
        (maxima, sums) = (take(listFloats), take(listFloats))
        visible = UnsafeMutableRawPointer(take(listFloats)).assumingMemoryBound(to: Int32.self)
    }

    /// Makes room for the gradients of `keyRowCount` keys.
    func reserve(keyRowCount: Int) { gradientStorage.grow(to: 2 * keyRowCount * sizes.paddedDimension) }

    /// The memory of gradients of keys that no other task sees.
    var keyGradients: UnsafeMutablePointer<Float> { gradientStorage.floats }
}

/// Memory that only grows, so that nothing is allocated once the largest micro-batch was seen.
final class GrowingStorage: @unchecked Sendable {
    private var storage = Storage(floatCount: 0)

    var floats: UnsafeMutablePointer<Float> { storage.base.assumingMemoryBound(to: Float.self) }

    func grow(to floatCount: Int) {
        if floatCount * MemoryLayout<Float>.stride > storage.byteCount { storage = Storage(floatCount: floatCount) }
    }
}

/// The keys and values of all tokens, packed once a call for all tasks; N rows a group.
final class AttentionKeys: @unchecked Sendable {
    private let storage = GrowingStorage()
    private let headDimension: Int
    private var rowCount = 0
    private var floatsPerForm = 0
    private var formCount = 0

    init(headDimension: Int) { self.headDimension = headDimension }

    /// Forward needs two packed forms, backward three.
    func reserve(rowCount: Int, groupCount: Int, formCount: Int) {
        (self.rowCount, self.formCount) = (rowCount, formCount)
        floatsPerForm = Panels.floatCount(rowCapacity: rowCount, columnCount: headDimension)
        storage.grow(to: groupCount * formCount * floatsPerForm)
    }

    /// `[N, E]` as form number `form` of a group.
    func panels(_ group: Int, form: Int) -> Panels {
        Panels(pointer: pointer(group, form), rowCapacity: rowCount, columnCount: headDimension)
    }

    /// `[N, E]ᵀ` as form number `form` of a group.
    func transposed(_ group: Int, form: Int) -> TransposedPanels {
        TransposedPanels(pointer: pointer(group, form), columnCount: headDimension)
    }

    private func pointer(_ group: Int, _ form: Int) -> UnsafeMutablePointer<Float> {
        storage.floats + (group * formCount + form) * floatsPerForm
    }
}

/// Gradients of a task's keys and values: two panels of its packed keys, one after the other.
struct KeyGradients {
    /// `[N, E]`, times √E·ln 2: summed over scaled queries.
    let keys: Panels
    /// `[N, E]`
    let values: Panels

    init(_ pointer: UnsafeMutablePointer<Float>, rowCount: Int, columnCount: Int) {
        keys = Panels(pointer: pointer, rowCapacity: rowCount, columnCount: columnCount)
        values = Panels(pointer: pointer + keys.floatCount, rowCapacity: rowCount, columnCount: columnCount)
    }
}
