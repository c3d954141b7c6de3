import Settings
import Tensors

extension DatasetKind {
    /// The stored sequences of a record, in the file's order. Each has its own entry in `offsets`.
    var sequences: [SequenceName] {
        switch self {
        case .preference: [.prompt, .chosen, .rejected]
        case .text: [.completion]
        }
    }

    /// A sequence's name for an error message.
    func description(of sequence: SequenceName) -> String {
        switch sequence {
        case .prompt: "a prompt"
        case .chosen: "a chosen completion"
        case .rejected: "a rejected completion"
        case .completion, .context: "a text"
        }
    }
}
