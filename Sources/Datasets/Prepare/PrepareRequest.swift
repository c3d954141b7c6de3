import Files

/// What `prepare` is asked to do.
public struct PrepareRequest: Sendable {
    /// JSONL files, read in this order.
    public var inputs: [String]
    /// The dataset file to write.
    public var output: String
    /// Nil takes the kind of the first record.
    public var kind: RecordKind?
    /// A Hugging Face folder with the tokenizer, and the chat template of messages. Nil for records of token ids.
    public var tokenizer: String?
    /// Fields of the records by the usual name that they stand for: `["prompt": "question"]`.
    public var fields: [String: String]
    /// Fields of the records, and keys of their messages, that are passed over whatever they mean.
    public var ignoredFields: Set<String>
    /// Tokens of the longest sequence of a record (prompt + longer completion); nil for no limit.
    public var maximumLength: Int?
    public var truncation: Truncation
    public var emptyPrompt: EmptyPrompt
    /// In (0, 1): each record goes to the validation file with this probability; nil writes no such file.
    public var validationFraction: Double?

    public init(
        inputs: [String], output: String, kind: RecordKind? = nil, tokenizer: String? = nil,
        fields: [String: String] = [:], ignoredFields: Set<String> = [], maximumLength: Int? = nil,
        truncation: Truncation = .prompt, emptyPrompt: EmptyPrompt = .refuse, validationFraction: Double? = nil
    ) {
        self.inputs = inputs
        self.output = output
        self.kind = kind
        self.tokenizer = tokenizer
        self.fields = fields
        self.ignoredFields = ignoredFields
        self.maximumLength = maximumLength
        self.truncation = truncation
        self.emptyPrompt = emptyPrompt
        self.validationFraction = validationFraction
    }

    /// `NAME-validation.h5` beside `NAME.h5`.
    public var validationOutput: String {
        let parent = folder(of: output)
        let name = output.split(separator: "/").last.map(String.init) ?? output
        let (stem, suffix) =
            if let dot = name.lastIndex(of: "."), dot != name.startIndex {
                (String(name[..<dot]), String(name[dot...]))
            } else {
                (name, "")
            }
        let sibling = "\(stem)-validation\(suffix)"
        return output.contains("/") ? (parent == "/" ? "/\(sibling)" : "\(parent)/\(sibling)") : sibling
    }
}
