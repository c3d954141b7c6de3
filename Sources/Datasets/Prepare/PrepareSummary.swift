/// The result of a preparation: its files, and the records that were dropped or changed.
public struct PrepareSummary: Equatable, Sendable {
    public var kind: RecordKind
    public var training: PreparedFile
    /// Nil without a validation file.
    public var validation: PreparedFile?
    /// The number of dropped records by reason; a reason that did not occur is absent.
    public var dropped: [DropReason: Int] = [:]
    /// The number of records that were too long and were kept shortened.
    public var truncated = 0
    /// The number of these records by the lost part; a part that no record lost is absent.
    public var shortened: [Shortening: Int] = [:]
    /// The number of kept pairs whose completions start before the end of the prompt's own tokens.
    public var movedBoundaries = 0
    /// The number of kept records with characters that the tokenizer has no tokens for. These characters are left out.
    public var lostCharacters = 0

    public var droppedCount: Int { dropped.values.reduce(0, +) }
}
