import JSON
import Settings

/// All added tokens of a tokenizer.
struct AddedTokens: Sendable {
    private let literal: AddedTokenMatcher
    private let normalized: AddedTokenMatcher
    private let specialIDs: Set<Int32>

    /// Reads the list, and adds its tokens to `vocabulary`.
    init(
        _ node: JSONValue?, place: String, vocabulary: inout Vocabulary, normalizer: Normalizer
    ) throws(Failure) {
        var tokens: [AddedToken] = []
        var contents = Set<[UInt8]>()
        var nodes: [JSONValue] = []
        if let node, node != .null {
            guard case .array(let listed) = node else { throw .damagedTokenizer(place, "is \(node.kind), not a list") }
            nodes = listed
        }
        // As in Hugging Face's reader: tokens that the model lacks get the next free ids, in the list's order.
        var next = Int32(vocabulary.modelCount)
        for fields in try ComponentFields.each(nodes, place: place) {
            let token = try AddedToken(fields) { vocabulary.id(of: $0) ?? next }
            guard contents.insert(token.content).inserted else {
                throw .damagedTokenizer(fields.place(of: "content"), "appears twice")
            }
            next = max(next, token.id + 1)
            vocabulary.add(token.content, id: token.id)
            tokens.append(token)
        }
        literal = AddedTokenMatcher(tokens.filter { !$0.isNormalized }.map { ($0.content, $0) })
        normalized = AddedTokenMatcher(
            tokens.filter(\.isNormalized).map { ($0.normalizedContent(by: normalizer), $0) })
        specialIDs = Set(tokens.filter(\.isSpecial).map(\.id))
    }

    func isSpecial(_ id: Int32) -> Bool { specialIDs.contains(id) }

    /// The parts of a text that has not been normalised.
    func parts(of text: Span<UInt8>) -> [AddedTokenMatcher.Part] { literal.parts(of: text) }

    /// The parts of a piece that has been normalised.
    func parts(ofNormalized text: Span<UInt8>) -> [AddedTokenMatcher.Part] { normalized.parts(of: text) }
}
