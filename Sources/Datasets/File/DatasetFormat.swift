/// The file's layout. Root attributes and datasets:
///
/// | name | content |
/// |---|---|
/// | `format_version` | 1 |
/// | `kind` | `preference` or `text` |
/// | `record_count` | number of records |
/// | `minimum_token`, `maximum_token` | smallest and largest id in `tokens` |
/// | `tokenizer` | `TokenizerIdentity` of the ids, 64 hexadecimal digits; only if a tokenizer was named |
/// | `tokens` | Int32, all parts of all records in order |
/// | `offsets` | Int64 `[records · parts + 1]`, the start of each part in `tokens`, then the end of the last part |
/// | `loss_mask` | UInt8 parallel to `tokens`, 1 for a counted token; only in text datasets with a mask for some record |
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

    /// Elements of a chunk: small enough to read one record quickly (32 KiB of tokens), large enough to read a whole file
    /// fast.
    static let tokenChunk = 8192
    static let offsetChunk = 4096
    /// Elements of one read when a whole dataset is read.
    static let readStretch = 1 << 18

    static let remedy = "Run `tandem prepare` again, or fetch an intact copy."
}
