import Tensors

// E head dimension, N packed keys of all tokens.

/// The keys and values of all tokens, packed once per call for all tasks: N rows per group.
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

    /// Packed form number `form` of a group, `[N, E]`.
    func panels(_ group: Int, form: Int) -> Panels {
        Panels(pointer: pointer(group, form), rowCapacity: rowCount, columnCount: headDimension)
    }

    /// Packed form number `form` of a group, `[N, E]ᵀ`.
    func transposed(_ group: Int, form: Int) -> TransposedPanels {
        TransposedPanels(pointer: pointer(group, form), columnCount: headDimension)
    }

    private func pointer(_ group: Int, _ form: Int) -> UnsafeMutablePointer<Float> {
        storage.floats + (group * formCount + form) * floatsPerForm
    }
}
