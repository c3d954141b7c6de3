import Settings

extension DatasetKind {
    /// Parts of one record, each with its own entry in `offsets`.
    var partsPerRecord: Int {
        switch self {
        case .preference: 3
        case .text: 1
        }
    }
}

/// Token ids of one preference pair. No part is empty: a completion's first token is predicted from the prompt's last.
public struct PreferenceRecord: Equatable, Sendable {
    public var prompt: [Int32]
    public var chosen: [Int32]
    public var rejected: [Int32]

    public init(prompt: [Int32], chosen: [Int32], rejected: [Int32]) {
        self.prompt = prompt
        self.chosen = chosen
        self.rejected = rejected
    }

    var lengths: RecordLengths { RecordLengths(prompt: prompt.count, chosen: chosen.count, rejected: rejected.count) }
}

/// Token ids of one text, two at least.
public struct TextRecord: Equatable, Sendable {
    public var tokens: [Int32]
    /// `[tokens]`: true where a token is predicted and counted; nil counts every token. The first token has nothing
    /// that predicts it and never counts, whatever the mask says.
    public var lossMask: [Bool]?

    public init(tokens: [Int32], lossMask: [Bool]? = nil) {
        self.tokens = tokens
        self.lossMask = lossMask
    }

    var lengths: RecordLengths { RecordLengths(text: tokens.count) }
}

/// A record of either kind.
enum DatasetRecord: Equatable, Sendable {
    case preference(PreferenceRecord)
    case text(TextRecord)

    var lengths: RecordLengths {
        switch self {
        case .preference(let record): record.lengths
        case .text(let record): record.lengths
        }
    }
}

/// How long the parts of a record are, and what follows from that. All in tokens.
struct RecordLengths: Equatable {
    /// Prompt, or the whole text.
    let prompt: Int
    /// Zero for a text.
    let chosen: Int
    let rejected: Int

    init(prompt: Int, chosen: Int, rejected: Int) {
        self.prompt = prompt
        self.chosen = chosen
        self.rejected = rejected
    }

    init(text: Int) { self.init(prompt: text, chosen: 0, rejected: 0) }

    /// Stored, and computed when the prompt is shared.
    var stored: Int { prompt + chosen + rejected }
    /// Each completion with its own prompt.
    var sequences: Int { chosen == 0 ? prompt : 2 * prompt + chosen + rejected }
    /// The longest sequence: it needs this many positions.
    var longest: Int { prompt + max(chosen, rejected) }
}

/// The file's layout. Root attributes and datasets:
///
/// | name | what |
/// |---|---|
/// | `format_version` | 1 |
/// | `kind` | `preference` or `text` |
/// | `record_count` | records |
/// | `minimum_token`, `maximum_token` | over all of `tokens` |
/// | `tokenizer` | the `TokenizerIdentity` of the ids, 64 hexadecimal digits; only where a tokenizer was named |
/// | `tokens` | Int32, all parts of all records in order |
/// | `offsets` | Int64 `[records · parts + 1]`, where each part starts in `tokens`, and the end |
/// | `loss_mask` | UInt8 parallel to `tokens`, 1 counts; only in text datasets where a record brought a mask |
enum DatasetFormat {
    static let version: Int64 = 1

    enum Attribute {
        static let formatVersion = "format_version"
        static let kind = "kind"
        static let recordCount = "record_count"
        static let minimumToken = "minimum_token"
        static let maximumToken = "maximum_token"
        static let tokenizer = "tokenizer"
    }

    enum Name {
        static let tokens = "tokens"
        static let offsets = "offsets"
        static let lossMask = "loss_mask"
    }

    /// Elements of a chunk. Small enough to read one record quickly (32 KiB of tokens), large enough to stream.
    static let tokenChunk = 8192
    static let offsetChunk = 4096
    /// Elements that are read at once where a whole dataset is read.
    static let readStretch = 1 << 18

    static let remedy = "Run `tandem prepare` again, or fetch an intact copy."
}
