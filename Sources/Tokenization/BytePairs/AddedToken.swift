import JSON
import Settings

/// A token that is searched for in the text itself, before the text is split.
struct AddedToken: Sendable {
    let content: [UInt8]
    let id: Int32
    /// Whether the token is found only if no letter, digit or connector touches it.
    let isSingleWord: Bool
    /// Whether white space before the token becomes part of it.
    let stripsLeft: Bool
    /// Whether white space after the token becomes part of it.
    let stripsRight: Bool
    /// Whether the token is searched for in the normalised text.
    let isNormalized: Bool
    let isSpecial: Bool

    /// The longest accepted token, in bytes. Each byte of a text can start a comparison with the token, so length costs time.
    private static let longestContent = 1024

    init(
        content: [UInt8], id: Int32, isSingleWord: Bool, stripsLeft: Bool, stripsRight: Bool, isNormalized: Bool,
        isSpecial: Bool
    ) {
        self.content = content
        self.id = id
        self.isSingleWord = isSingleWord
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
        self.isNormalized = isNormalized
        self.isSpecial = isSpecial
    }

    /// - Parameter id: returns the id of a token in the vocabulary, or the id that a new token gets.
    init(_ fields: ComponentFields, id: (ArraySlice<UInt8>) -> Int32) throws(Failure) {
        try fields.refuseAllBut(["id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"])
        content = Array(try fields.string("content").utf8)
        guard !content.isEmpty else { throw .damagedTokenizer(fields.place(of: "content"), "is empty") }
        guard content.count <= AddedToken.longestContent else {
            throw .damagedTokenizer(
                fields.place(of: "content"), "has \(content.count) bytes, more than \(AddedToken.longestContent)")
        }
        self.id = id(content[...])
        guard let declared = try fields.required("id").wholeNumber, declared == self.id else {
            throw .damagedTokenizer(
                fields.place(of: "id"),
                "is \(try fields.required("id").kind), but the token's id in the vocabulary is \(self.id)")
        }
        isSingleWord = try fields.bool("single_word")
        stripsLeft = try fields.bool("lstrip")
        stripsRight = try fields.bool("rstrip")
        isNormalized = try fields.bool("normalized")
        isSpecial = try fields.bool("special")
    }
}

extension AddedToken {
    func normalizedContent(by normalizer: Normalizer) -> [UInt8] {
        normalizer.normalized(content.span)?.bytes ?? content
    }
}
