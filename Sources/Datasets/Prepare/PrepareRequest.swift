import Files

/// The inputs, outputs and options of `prepare`.
public struct PrepareRequest: Sendable {
    /// JSONL files, read in this order.
    public var inputs: [String]
    /// The dataset file to write.
    public var output: String
    /// The kind of all records; nil takes the kind of the first record.
    public var kind: RecordKind?
    /// A Hugging Face folder with the tokenizer and its chat template; nil for records of token ids.
    public var tokenizer: String?
    /// The input's field for each usual name that differs from it: `["prompt": "question"]`.
    public var fields: [String: String]
    /// Fields of the records, and keys of their messages, that are ignored even if they have a meaning.
    public var ignoredFields: Set<String>
    /// The limit for the longest sequence of a record (prompt + longer completion), in tokens; nil for no limit.
    public var maximumLength: Int?
    public var truncation: Truncation
    public var emptyPrompt: EmptyPrompt
    /// In (0, 1): each record goes to the validation file with this probability; nil writes no validation file.
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
