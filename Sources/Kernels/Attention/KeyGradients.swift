import Tensors

// J query heads a group, E head dimension, R stacked rows of a piece, N packed keys of a task.

/// Gradients of a task's keys and values: two panels of its packed keys, one after the other.
struct KeyGradients {
    /// `[N, E]`, summed over queries times `queryScale`; `keyGradientScale` corrects the factor.
    let keys: Panels
    /// `[N, E]`
    let values: Panels

    init(_ pointer: UnsafeMutablePointer<Float>, rowCount: Int, columnCount: Int) {
        keys = Panels(pointer: pointer, rowCapacity: rowCount, columnCount: columnCount)
        values = Panels(pointer: pointer + keys.floatCount, rowCapacity: rowCount, columnCount: columnCount)
    }
}
