import JSON
import Settings

/// The `model` of `tokenizer.json`: byte-level byte-pair encoding, resolved to ids.
struct BytePairModel: Sendable {
    let merges: PairTable
    /// The token of each byte; −1 if the vocabulary has none.
    let byteTokens: [Int32]
    /// The token for a byte without a token of its own. Nil drops the byte, as Hugging Face does.
    let unknownToken: Int32?
    /// Whether neighbouring unknown bytes become one token.
    let fusesUnknown: Bool
    /// Token ids by the bytes of their words, if `ignore_merges` is true: a word that is a token is then taken without merges.
    /// Nil otherwise.
    let wholeWords: ByteStringTable?

    private static let options: Set<String> = [
        "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
        "ignore_merges", "vocab", "merges",
    ]

    /// - Parameter place: the model's place in the file, for errors.
    static func read(_ node: JSONValue, place: String) throws(Failure) -> (model: BytePairModel, vocabulary: Vocabulary) {
        let fields = try ComponentFields(node, place: place)
        try checkSupported(fields)
        guard case .object(let members) = try fields.required("vocab") else {
            throw .damagedTokenizer(fields.place(of: "vocab"), "is not an object")
        }
        guard !members.isEmpty else { throw .damagedTokenizer(fields.place(of: "vocab"), "has no tokens") }
        let vocabulary = try Vocabulary(members, place: fields.place(of: "vocab"))
        return (try BytePairModel(fields, vocabulary, members), vocabulary)
    }

    private init(_ fields: ComponentFields, _ vocabulary: Vocabulary, _ members: [JSONValue.Member]) throws(Failure) {
        merges = try BytePairModel.merges(fields, vocabulary)
        byteTokens = ByteAlphabet.scalars.map { vocabulary.id(of: Array(UTF8.encode($0)!)[...]) ?? -1 }
        fusesUnknown = try fields.bool("fuse_unk", default: false)
        if let name = try fields.optionalString("unk_token") {
            guard let id = vocabulary.id(of: Array(name.utf8)[...]) else {
                throw .damagedTokenizer(fields.place(of: "unk_token"), "\"\(name.printable)\" is not in the vocabulary")
            }
            unknownToken = id
        } else {
            unknownToken = nil
        }
        wholeWords = try fields.bool("ignore_merges", default: false) ? BytePairModel.words(members) : nil
    }

    private static func checkSupported(_ fields: ComponentFields) throws(Failure) {
        // Old files leave out the type of a BPE model.
        let type = try fields.optionalString("type") ?? "BPE"
        guard type == "BPE" else {
            throw .unsupportedTokenizer(fields.place(of: "type"), "the model \"\(type.printable)\" is not supported")
        }
        try fields.refuseAllBut(options)
        if let dropout = fields["dropout"], dropout != .null {
            throw .unsupportedTokenizer(
                fields.place(of: "dropout"), "is \(dropout.kind): random merges are not supported")
        }
        for name in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let affix = try fields.optionalString(name), !affix.isEmpty {
                throw .unsupportedTokenizer(
                    fields.place(of: name), "is \"\(affix.printable)\": only an empty one is supported")
            }
        }
        if try fields.bool("byte_fallback", default: false) {
            throw .unsupportedTokenizer(fields.place(of: "byte_fallback"), "is true, which is not supported")
        }
    }

    // MARK: Merges

    private static func merges(_ fields: ComponentFields, _ vocabulary: Vocabulary) throws(Failure) -> PairTable {
        let place = fields.place(of: "merges")
        var nodes = try fields.list("merges")[...]
        // The oldest files still have the first line of merges.txt in the list.
        if case .string(let text)? = nodes.first, text.bytes.starts(with: "#version".utf8) { nodes = nodes.dropFirst() }
        let table = PairTable(capacity: nodes.count)
        for (rank, node) in nodes.enumerated() {
            guard let (left, right) = pair(node) else {
                throw .damagedTokenizer("\(place)[\(rank)]", "is \(node.kind), not two tokens")
            }
            table.insert(
                try token(left, vocabulary, "\(place)[\(rank)]"), try token(right, vocabulary, "\(place)[\(rank)]"),
                rank: rank, joined: try token(left + right, vocabulary, "\(place)[\(rank)]"))
        }
        return table
    }

    /// The two parts of `"a b"` or `["a", "b"]`.
    private static func pair(_ node: JSONValue) -> (ArraySlice<UInt8>, ArraySlice<UInt8>)? {
        switch node {
        case .string(let text):
            let parts = text.bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        case .array(let parts):
            guard parts.count == 2, case .string(let left) = parts[0], case .string(let right) = parts[1] else {
                return nil
            }
            return (left.bytes, right.bytes)
        default: return nil
        }
    }

    private static func token(
        _ name: ArraySlice<UInt8>, _ vocabulary: Vocabulary, _ place: String
    ) throws(Failure) -> Int32 {
        guard let id = vocabulary.id(of: name) else {
            let shown = String(decoding: name, as: UTF8.self).printable
            throw .damagedTokenizer(place, "needs the token \"\(shown)\", which the vocabulary lacks")
        }
        return id
    }

    private static func words(_ members: [JSONValue.Member]) -> ByteStringTable {
        var table = ByteStringTable(capacity: members.count)
        for member in members {
            guard let id = member.value.wholeNumber, let bytes = ByteAlphabet.bytes(of: member.name.bytes) else { continue }
            _ = table.insert(bytes, value: Int32(id))
        }
        return table
    }
}
