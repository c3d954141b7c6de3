import Settings

/// A record's kind, and whether it is text for a tokenizer or token ids.
struct RecordForm: Equatable, Sendable {
    let kind: RecordKind
    let isText: Bool
}
