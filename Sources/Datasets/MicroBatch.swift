import Settings
import Tensors

/// What is computed at once: tokens on one axis, the predictions that are scored, and whose they are.
public struct MicroBatch: Equatable, Sendable {
    public private(set) var axis = TokenAxis()
    /// Predictions whose log-probability is needed, a record's together, in the order of the records.
    public private(set) var rows: [ScoredRow] = []
    public private(set) var records: MicroBatchRecords
    /// Tokens of each completion's whole sequence, a shared prompt counted for both.
    public private(set) var sequenceTokens = 0

    /// Lays out pairs one after the other.
    ///
    /// - Parameters:
    ///   - pairs: each with its index in the dataset.
    ///   - prefixSharing: the prompt is one segment that both completions see; otherwise it is laid out twice.
    ///   - scoring: `all` also scores the prompt's own tokens, once for each of the two sequences.
    public init(
        preference pairs: [(record: Int, ids: PreferenceRecord)], prefixSharing: Bool, scoring: ScoredTokens = .completion
    ) {
        var placed: [PreferenceRows] = []
        records = .preference([])
        for (record, pair) in pairs {
            precondition(!pair.prompt.isEmpty && !pair.chosen.isEmpty && !pair.rejected.isEmpty)
            let shared = prefixSharing ? axis.append(pair.prompt) : nil
            let (chosen, chosenPrompt) = append(pair.chosen, of: pair.prompt, shared: shared)
            let (rejected, rejectedPrompt) = append(pair.rejected, of: pair.prompt, shared: shared)
            let firstRow = rows.count
            if scoring == .all {
                for start in [chosenPrompt, rejectedPrompt] {
                    for index in pair.prompt.indices.dropFirst() {
                        rows.append(ScoredRow(position: start + index - 1, target: pair.prompt[index]))
                    }
                }
            }
            placed.append(
                PreferenceRows(record: record, chosen: chosen, rejected: rejected, prompt: scoring == .all ? firstRow..<rows.count : 0..<0))
            sequenceTokens += pair.lengths.sequences
        }
        records = .preference(placed)
    }

    /// Lays out texts one after the other, each a segment of its own.
    ///
    /// - Parameter scoring: `all` also scores the tokens that the loss mask leaves out.
    public init(text texts: [(record: Int, ids: TextRecord)], scoring: ScoredTokens = .completion) {
        var placed: [TextRows] = []
        records = .text([])
        for (record, text) in texts {
            let segment = axis.append(text.tokens)
            func scored(_ counted: Bool) -> [ScoredRow] {
                text.tokens.indices.dropFirst().filter { (text.lossMask?[$0] ?? true) == counted }
                    .map { ScoredRow(position: segment.lowerBound + $0 - 1, target: text.tokens[$0]) }
            }
            let firstRow = rows.count
            rows += scored(true)
            let firstContextRow = rows.count
            if scoring == .all { rows += scored(false) }
            placed.append(
                TextRows(
                    record: record, rows: firstRow..<firstContextRow,
                    context: scoring == .all ? firstContextRow..<rows.count : 0..<0))
            sequenceTokens += text.tokens.count
        }
        records = .text(placed)
    }

    /// Each record by its index in the dataset, and all of its rows; together they are `rows`, in order.
    public var recordRows: [(record: Int, rows: Range<Int>)] {
        switch records {
        case .preference(let pairs):
            pairs.map { ($0.record, $0.chosen.lowerBound..<max($0.rejected.upperBound, $0.prompt.upperBound)) }
        case .text(let texts):
            texts.map { ($0.record, $0.rows.lowerBound..<max($0.rows.upperBound, $0.context.upperBound)) }
        }
    }

    /// Adds a completion's tokens and rows; its first token is predicted at the prompt's last position. Without a
    /// `shared` prompt on the axis its own copy goes before it, in the same segment. Also says where its prompt starts.
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

/// Whose rows are whose, by the kind of the records.
public enum MicroBatchRecords: Equatable, Sendable {
    case preference([PreferenceRows])
    case text([TextRows])
}

/// Where one pair's predictions are in `MicroBatch.rows`: one a completion token.
public struct PreferenceRows: Equatable, Sendable {
    /// The pair's index in the dataset.
    public var record: Int
    public var chosen: Range<Int>
    public var rejected: Range<Int>
    /// The prompt's own tokens, for both sequences; empty unless all tokens are scored.
    public var prompt: Range<Int>

    public init(record: Int, chosen: Range<Int>, rejected: Range<Int>, prompt: Range<Int> = 0..<0) {
        self.record = record
        self.chosen = chosen
        self.rejected = rejected
        self.prompt = prompt
    }
}

/// Where one text's predictions are in `MicroBatch.rows`: one a counted token.
public struct TextRows: Equatable, Sendable {
    /// The text's index in the dataset.
    public var record: Int
    public var rows: Range<Int>
    /// Tokens that the loss mask leaves out; empty unless all tokens are scored.
    public var context: Range<Int>

    public init(record: Int, rows: Range<Int>, context: Range<Int> = 0..<0) {
        self.record = record
        self.rows = rows
        self.context = context
    }
}
