import Kernels
import Tensors

/// How a model computes a micro-batch. A plan is made once and used by the policy and by every reference, so that all models
/// make the same calls in the same order.
public struct ForwardPlan: Sendable {
    public let axis: TokenAxis
    /// `[U]` the positions whose hidden state is scored, ascending, each once.
    public let scoredPositions: [Int]
    /// `[R]` for each scored row (target) its index in `scoredPositions`.
    public let targetRows: [Int]
    /// `[R]` the target tokens.
    public let targetTokens: [Int32]
    let targets: HeadTargets
    /// `[T]` the length of each token's sequence.
    var lengths: [Int32] { axis.sequenceLengths }
    /// Plans without a window, of all blocks but the last and of the last one.
    private let attention: AttentionPlan
    private let lastBlockAttention: AttentionPlan
    /// `[L]` the tokens for which the last block computes an output. Queries, attention output and feed-forward layer of the
    /// last block are computed for these tokens only. For a pair with a long prompt this is a small part of the block.
    let lastBlock: RowSelection
    /// The scored positions among all tokens, and among the tokens of `lastBlock`.
    let scoredTokens: RowSelection
    let scoredOutputs: RowSelection

    public init(axis: TokenAxis, rows: [ScoredRow]) {
        self.axis = axis
        attention = AttentionPlan(axis.segments)
        let scoredPositions = Set(rows.map(\.position)).sorted()
        self.scoredPositions = scoredPositions
        scoredTokens = RowSelection(scoredPositions, of: axis.count)
        // If less than a sixteenth is left out, the copies cost more than they save.
        if 16 * (axis.count - scoredPositions.count) > axis.count {
            lastBlock = scoredTokens
            lastBlockAttention = AttentionPlan(axis.segments, queriesAt: scoredPositions)
            scoredOutputs = RowSelection(Array(scoredPositions.indices), of: scoredPositions.count)
        } else {
            lastBlock = RowSelection(Array(0..<axis.count), of: axis.count)
            lastBlockAttention = attention
            scoredOutputs = scoredTokens
        }
        var rowOfPosition: [Int: Int] = [:]
        for (row, position) in scoredPositions.enumerated() { rowOfPosition[position] = row }
        targetRows = rows.map { rowOfPosition[$0.position]! }
        targetTokens = rows.map(\.target)
        targets = HeadTargets(rows: targetRows, tokens: targetTokens, rowCount: scoredPositions.count)
    }

    /// Which keys each query sees, under a window or without one.
    ///
    /// - Parameter isLastBlock: only the tokens of `lastBlock` have queries.
    func attention(window: Int?, isLastBlock: Bool) -> AttentionPlan {
        guard let window else { return isLastBlock ? lastBlockAttention : attention }
        return isLastBlock
            ? AttentionPlan(axis.segments, queriesAt: lastBlock.positions, window: window) : AttentionPlan(axis.segments, window: window)
    }
}
