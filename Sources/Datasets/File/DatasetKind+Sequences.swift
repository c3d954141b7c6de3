import Settings
import Tensors

extension DatasetKind {
    /// The sequences that a record is stored as, in the file's order; each has its own entry in `offsets`.
    var sequences: [SequenceName] {
        switch self {
        case .preference: [.prompt, .chosen, .rejected]
        case .text: [.completion]
        }
    }

    /// A sequence in the words of a message.
    func description(of sequence: SequenceName) -> String {
        switch sequence {
        case .prompt: "a prompt"
        case .chosen: "a chosen completion"
        case .rejected: "a rejected completion"
        case .completion, .context: "a text"
        }
    }
}
