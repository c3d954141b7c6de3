import Settings

/// What the records of an input are.
public enum RecordKind: String, Sendable, CaseIterable {
    /// A prompt with a chosen and a rejected completion.
    case preference
    /// Messages, of which the assistant's are learnt.
    case chat
    /// One text.
    case text

    /// How such records are stored: a chat is a text whose loss mask counts the assistant's turns.
    public var datasetKind: DatasetKind {
        switch self {
        case .preference: .preference
        case .chat, .text: .text
        }
    }
}

/// A record's kind, and whether it is text for a tokenizer or token ids.
struct RecordForm: Equatable, Sendable {
    let kind: RecordKind
    let isText: Bool
}

/// The fields of a JSONL record that `prepare` understands, by their usual names.
enum FieldName: String, Sendable, CaseIterable {
    case promptIDs = "prompt_ids"
    case chosenIDs = "chosen_ids"
    case rejectedIDs = "rejected_ids"
    case inputIDs = "input_ids"
    case lossMask = "loss_mask"
    case labels
    case completionMask = "completion_mask"
    case assistantMasks = "assistant_masks"
    case prompt
    case chosen
    case rejected
    case messages
    case text
    case lossMaskingSpans = "loss_masking_spans"

    /// What says which of `input_ids` the loss counts.
    static let masks: [FieldName] = [.lossMask, .labels, .completionMask, .assistantMasks]
    /// What is for a tokenizer.
    static let texts: [FieldName] = [.prompt, .chosen, .rejected, .messages, .text, .lossMaskingSpans]
}

/// Which field of the input holds what.
struct FieldNames: Sendable {
    private let nameBySource: [String: FieldName]
    private let sourceByName: [FieldName: String]
    /// Fields, of records and of their messages, that are passed over whatever they mean.
    let ignored: Set<String>

    /// - Parameter choices: fields of the input by the usual name that they stand for. A usual name that was given another
    ///   field means nothing any more where it occurs itself.
    init(choices: [FieldName: String] = [:], ignored: Set<String> = []) {
        self.ignored = ignored
        let usual = FieldName.allCases.map { name in (name, choices[name] ?? name.rawValue) }
        sourceByName = Dictionary(uniqueKeysWithValues: usual)
        // A chosen field comes before another's usual name: `text=prompt` takes `prompt` away from preference records.
        nameBySource = Dictionary(usual.map { ($1, $0) }) { first, second in choices[first] != nil ? first : second }
    }

    /// What the field `source` of a record holds, nil for one that is passed over.
    subscript(_ source: String) -> FieldName? { ignored.contains(source) ? nil : nameBySource[source] }

    /// For an error: the field as the input calls it.
    func source(of name: FieldName) -> String { sourceByName[name]! }
}
