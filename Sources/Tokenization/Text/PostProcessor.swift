import JSON
import Settings

/// The special tokens that a tokenizer puts around a text.
struct PostProcessor: Sendable {
    private(set) var prefix: [Int32] = []
    private(set) var suffix: [Int32] = []

    init(_ node: JSONValue?, place: String, vocabulary: Vocabulary) throws(Failure) {
        guard let node, node != .null else { return }
        try read(node, place: place, vocabulary)
    }

    private mutating func read(_ node: JSONValue, place: String, _ vocabulary: Vocabulary) throws(Failure) {
        let fields = try ComponentFields(node, place: place)
        let type = try fields.string("type")
        switch type {
        case "ByteLevel":
            // This processor only moves offsets, which Tandem does not use.
            try fields.refuseAllBut(["type", "add_prefix_space", "trim_offsets", "use_regex"])
        case "Sequence":
            try fields.refuseAllBut(["type", "processors"])
            for (index, inner) in try fields.list("processors").enumerated() {
                try read(inner, place: "\(place).processors[\(index)]", vocabulary)
            }
        case "TemplateProcessing": try readTemplate(fields, vocabulary)
        default:
            throw .unsupportedTokenizer(
                fields.place(of: "type"), "the post-processor \"\(type.printable)\" is not supported")
        }
    }

    /// Reads the template for a single text. The template for pairs of texts is not used.
    private mutating func readTemplate(_ fields: ComponentFields, _ vocabulary: Vocabulary) throws(Failure) {
        try fields.refuseAllBut(["type", "single", "pair", "special_tokens"])
        let special = try ComponentFields(
            try fields.required("special_tokens"), place: fields.place(of: "special_tokens"))
        var (before, after): ([Int32], [Int32]) = ([], [])
        var textCount = 0
        for piece in try ComponentFields.each(try fields.list("single"), place: fields.place(of: "single")) {
            try piece.refuseAllBut(["SpecialToken", "Sequence"])
            if let sequence = piece["Sequence"] {
                guard sequence["id"]?.text == "A" else {
                    throw .unsupportedTokenizer(piece.place, "is a second text in the template for a single text")
                }
                textCount += 1
            } else {
                let token = try ComponentFields(
                    try piece.required("SpecialToken"), place: piece.place(of: "SpecialToken"))
                let ids = try PostProcessor.ids(of: try token.string("id"), special, vocabulary)
                if textCount == 0 { before += ids } else { after += ids }
            }
        }
        guard textCount == 1 else {
            throw .unsupportedTokenizer(fields.place(of: "single"), "holds the text \(textCount) times, not once")
        }
        prefix = before + prefix
        suffix += after
    }

    private static func ids(
        of name: String, _ special: ComponentFields, _ vocabulary: Vocabulary
    ) throws(Failure) -> [Int32] {
        let place = special.place(of: name.printable)
        guard let node = special[name] else { throw .damagedTokenizer(place, "is missing, but the template uses it") }
        let fields = try ComponentFields(node, place: place)
        var ids: [Int32] = []
        for node in try fields.list("ids") {
            guard let id = node.wholeNumber.flatMap(Int32.init(exactly:)), vocabulary.bytes(of: id) != nil else {
                throw .damagedTokenizer(fields.place(of: "ids"), "has \(node.kind), which is not the id of a token")
            }
            ids.append(id)
        }
        return ids
    }
}
