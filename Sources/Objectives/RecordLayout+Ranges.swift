import Settings
import Tensors

extension [RecordLayout] {
    /// The row ranges of `tokens`, record after record: a pair's completions come before its prompt, a text's completion
    /// before its context.
    public func ranges(_ tokens: ScoredTokens) -> [Range<Int>] {
        let names: [SequenceName] =
            switch tokens {
            case .completion: [.chosen, .rejected, .completion]
            case .all: [.chosen, .rejected, .prompt, .completion, .context]
            }
        return flatMap { record in names.compactMap { record.sequences[$0] } }
    }
}
