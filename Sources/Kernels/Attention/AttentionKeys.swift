import Tensors

// J query heads a group, E head dimension, R stacked rows of a piece, N packed keys of a task.

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
