/// What a preparation did.
public struct PrepareSummary: Equatable, Sendable {
    public var kind: RecordKind
    public var training: PreparedFile
    /// Nil where no validation file was asked for.
    public var validation: PreparedFile?
    /// Records left out, by reason; a reason that did not occur is absent.
    public var dropped: [DropReason: Int] = [:]
    /// Records kept that were too long and have lost something.
    public var truncated = 0
    /// How many of them have lost what; a loss that did not occur is absent.
    public var shortened: [Shortening: Int] = [:]
    /// Pairs kept whose completions start before the end of the prompt's own tokens.
    public var movedBoundaries = 0
    /// Records kept whose text has characters that the tokenizer has no tokens for: those characters are left out.
    public var lostCharacters = 0

    public var droppedCount: Int { dropped.values.reduce(0, +) }
}
