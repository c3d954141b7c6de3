import Settings
import Tensors

/// The token ids of one record, by the names of its sequences.
///
/// A pair is a prompt and two completions. None of the three is empty: the prompt's last token predicts a completion's first
/// token. A text is one completion of at least two tokens.
public struct DatasetRecord: Equatable, Sendable {
    public let kind: DatasetKind
    /// Token ids of each sequence, in the order of `kind.sequences`.
    private var ids: [[Int32]]
    /// `[tokens]` of a text: true for a token that the loss counts; nil counts every token. The first token never counts,
    /// whatever the mask says, because no token predicts it.
    public var lossMask: [Bool]?

    /// A preference pair.
    public init(prompt: [Int32], chosen: [Int32], rejected: [Int32]) { self.init(.preference, [prompt, chosen, rejected]) }

    /// A text.
    public init(tokens: [Int32], lossMask: [Bool]? = nil) { self.init(.text, [tokens], lossMask: lossMask) }

    /// - Parameter ids: token ids of each of the kind's sequences.
    init(_ kind: DatasetKind, _ ids: [[Int32]], lossMask: [Bool]? = nil) {
        self.kind = kind
        self.ids = ids
        self.lossMask = lossMask
    }

    /// A sequence's token ids; empty if the record has no such sequence.
    public subscript(name: SequenceName) -> [Int32] {
        get { kind.sequences.firstIndex(of: name).map { ids[$0] } ?? [] }
        set { if let index = kind.sequences.firstIndex(of: name) { ids[index] = newValue } }
    }

    /// The stored sequences, in the file's order.
    var sequences: [[Int32]] { ids }

    public var prompt: [Int32] {
        get { self[.prompt] }
        set { self[.prompt] = newValue }
    }

    public var chosen: [Int32] {
        get { self[.chosen] }
        set { self[.chosen] = newValue }
    }

    public var rejected: [Int32] {
        get { self[.rejected] }
        set { self[.rejected] = newValue }
    }

    /// The token ids of a text.
    public var tokens: [Int32] {
        get { self[.completion] }
        set { self[.completion] = newValue }
    }

    var lengths: RecordLengths { RecordLengths(kind, ids.map(\.count)) }
}
