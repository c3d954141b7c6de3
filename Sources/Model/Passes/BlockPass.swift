import Kernels

// T tokens, L tokens with an output.

/// What all steps of a block share: its tokens' places, and for which of them it has an output.
struct BlockPass {
    /// `[T]`
    let positions: [Int32]
    /// `[T]` the length of each token's sequence; nil if no rotary angle depends on it.
    let lengths: [Int32]?
    /// The tokens with an output; nil: all.
    let selection: RowSelection?
    let attention: AttentionPlan

    var count: Int { positions.count }
    var outputCount: Int { selection?.count ?? count }

    func selected<Value>(_ values: [Value]) -> [Value] { selection.map { $0.positions.map { values[$0] } } ?? values }
}
