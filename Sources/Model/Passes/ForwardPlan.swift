import Kernels
import Tensors

/// A micro-batch as the model computes it: made once, then used by the policy and by every reference, so that all make
/// the same calls in the same order.
public struct ForwardPlan: Sendable {
    public let axis: TokenAxis
    /// `[U]` the positions whose hidden state is scored, ascending, each once.
    public let scoredPositions: [Int]
    /// `[R]` for each scored row (target) its index in `scoredPositions`.
    public let targetRows: [Int]
    /// `[R]` the tokens that are predicted.
    public let targetTokens: [Int32]
    let attention: AttentionPlan
    let targets: HeadTargets
    /// Tokens `[L]` that the last block has an output for. Only their queries are computed there, and what follows
    /// from them: of a pair with a long prompt a small part of the block.
    let lastBlock: RowSelection
    /// `[L]` their rotary positions.
    let lastBlockPositions: [Int32]
    let lastBlockAttention: AttentionPlan
    /// The scored positions among all tokens, and among those that the last block has an output for.
    let scoredTokens: RowSelection
    let scoredOutputs: RowSelection

    public init(axis: TokenAxis, rows: [ScoredRow]) {
        self.axis = axis
        attention = AttentionPlan(axis.segments)
        let scoredPositions = Set(rows.map(\.position)).sorted()
        self.scoredPositions = scoredPositions
        scoredTokens = RowSelection(scoredPositions, of: axis.count)
        // To leave out less than a sixteenth would not pay for the copies.
        if 16 * (axis.count - scoredPositions.count) > axis.count {
            lastBlock = scoredTokens
            lastBlockAttention = AttentionPlan(axis.segments, queriesAt: scoredPositions)
            scoredOutputs = RowSelection(Array(scoredPositions.indices), of: scoredPositions.count)
        } else {
            lastBlock = RowSelection(Array(0..<axis.count), of: axis.count)
            lastBlockAttention = attention
            scoredOutputs = scoredTokens
        }
        lastBlockPositions = lastBlock.positions.map { axis.positions[$0] }
        var rowOfPosition: [Int: Int] = [:]
        for (row, position) in scoredPositions.enumerated() { rowOfPosition[position] = row }
        targetRows = rows.map { rowOfPosition[$0.position]! }
        targetTokens = rows.map(\.target)
        targets = HeadTargets(rows: targetRows, tokens: targetTokens, rowCount: scoredPositions.count)
    }
}
