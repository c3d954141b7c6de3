import Settings
import Tensors

/// The records that are computed together: their tokens on one axis, and the predictions that are scored.
public struct MicroBatch: Equatable, Sendable {
    public private(set) var axis = TokenAxis()
    /// Predictions whose log-probability is needed, record by record.
    public private(set) var rows: [ScoredRow] = []
    /// Where each record's sequences lie in `rows`.
    public private(set) var records: [RecordLayout] = []
    /// Tokens of all records, with a pair's prompt counted for each completion.
    public private(set) var sequenceTokens = 0

    /// Lays out records one after the other.
    ///
    /// - Parameters:
    ///   - records: each record with its index in the dataset.
    ///   - prefixSharing: whether a pair's prompt is one segment that both completions see; otherwise it is laid out twice.
    ///   - scoring: `all` also scores a prompt's own tokens, once for each of the two sequences, and the tokens that the loss
    ///     mask does not count.
    ///   - lengthLimit: see `MicroBatchPacker.lengthLimit`.
    public init(
        _ records: [(record: Int, ids: DatasetRecord)], prefixSharing: Bool = true, scoring: ScoredTokens = .completion,
        lengthLimit: Int? = nil
    ) {
        for (record, ids) in records {
            switch ids.kind {
            case .preference:
                let sharing = prefixSharing && ids.lengths.canSharePrompt(lengthLimit: lengthLimit)
                append(pair: ids, record, prefixSharing: sharing, scoring: scoring)
            case .text: append(text: ids, record, scoring: scoring)
            }
            sequenceTokens += ids.lengths.sequences
        }
    }

    private mutating func append(pair: DatasetRecord, _ record: Int, prefixSharing: Bool, scoring: ScoredTokens) {
        invariant(pair.sequences.allSatisfy { !$0.isEmpty }, "no sequence of a pair is empty")
        var layout = RecordLayout(record: record)
        let shared = prefixSharing ? axis.append(pair.prompt) : nil
        let (chosen, chosenPrompt) = append(pair.chosen, of: pair.prompt, shared: shared)
        let (rejected, rejectedPrompt) = append(pair.rejected, of: pair.prompt, shared: shared)
        layout[.chosen] = chosen
        layout[.rejected] = rejected
        if scoring == .all {
            let firstRow = rows.count
            for start in [chosenPrompt, rejectedPrompt] {
                for index in pair.prompt.indices.dropFirst() {
                    rows.append(ScoredRow(position: start + index - 1, target: pair.prompt[index]))
                }
            }
            layout[.prompt] = firstRow..<rows.count
        }
        records.append(layout)
    }

    /// Adds a text as a segment of its own.
    private mutating func append(text: DatasetRecord, _ record: Int, scoring: ScoredTokens) {
        var layout = RecordLayout(record: record)
        let tokens = text.tokens
        let segment = axis.append(tokens)
        func scored(_ counted: Bool) -> [ScoredRow] {
            tokens.indices.dropFirst().filter { (text.lossMask?[$0] ?? true) == counted }
                .map { ScoredRow(position: segment.lowerBound + $0 - 1, target: tokens[$0]) }
        }
        let firstRow = rows.count
        rows += scored(true)
        layout[.completion] = firstRow..<rows.count
        if scoring == .all {
            let firstContextRow = rows.count
            rows += scored(false)
            layout[.context] = firstContextRow..<rows.count
        }
        records.append(layout)
    }

    /// Adds a completion's tokens and rows. The prompt's last position predicts the completion's first token. Without a
    /// `shared` prompt, a copy of the prompt goes before the completion, in the same segment. Also returns where the
    /// completion's prompt starts.
    private mutating func append(
        _ completion: [Int32], of prompt: [Int32], shared: Range<Int>?
    ) -> (rows: Range<Int>, promptStart: Int) {
        let firstRow = rows.count
        let start: Int
        let promptEnd: Int
        if let shared {
            start = axis.append(completion, after: shared).lowerBound
            promptEnd = shared.upperBound
        } else {
            promptEnd = axis.append(prompt + completion).lowerBound + prompt.count
            start = promptEnd
        }
        for (index, target) in completion.enumerated() {
            rows.append(ScoredRow(position: index == 0 ? promptEnd - 1 : start + index - 1, target: target))
        }
        return (firstRow..<rows.count, promptEnd - prompt.count)
    }
}
