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
