import Settings
import Tensors

extension [RecordLayout] {
    /// The rows of `tokens`, in ranges: a record's completions first, then what came before them.
    public func ranges(_ tokens: ScoredTokens) -> [Range<Int>] {
        let names: [SequenceName] =
            switch tokens {
            case .completion: [.chosen, .rejected, .completion]
            case .all: [.chosen, .rejected, .prompt, .completion, .context]
            }
        return flatMap { record in names.compactMap { record.sequences[$0] } }
    }
}
