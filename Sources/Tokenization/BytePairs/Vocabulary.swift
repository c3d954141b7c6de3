import JSON
import Settings

/// Every token of a tokenizer: the model's own tokens and the added tokens.
struct Vocabulary: Sendable {
    /// Ids by the tokens' texts. The texts of the model's tokens are written in the byte alphabet.
    private(set) var names: ByteStringTable
    /// The decoded bytes of all ids, one id after another.
    private var buffer: [UInt8] = []
    /// The range of each id in `buffer`; empty for an id without a token.
    private var ranges: [Range<Int>] = []
    /// The number of the model's tokens: added tokens that the model lacks get ids from here on.
    let modelCount: Int

    /// - Parameter members: `model.vocab`, from token to id.
    init(_ members: [JSONValue.Member], place: String) throws(Failure) {
        names = ByteStringTable(capacity: members.count)
        modelCount = members.count
        // Tokenizers leave few gaps between ids, so a huge id in a small file is damage.
        let limit = members.count * 4 + 65_536
        var isTaken = [Bool](repeating: false, count: members.count)
        for member in members {
            let name = member.name.bytes
            let shown = { "\(place)[\"\(member.name.string.printable)\"]" }
            guard let id = member.value.wholeNumber, id >= 0, id < limit else {
                throw .damagedTokenizer(shown(), "is \(member.value.kind), not an id of \(members.count) tokens")
            }
            while isTaken.count <= id { isTaken.append(false) }
            guard !isTaken[id] else { throw .damagedTokenizer(shown(), "has id \(id), which another token has too") }
            isTaken[id] = true
            _ = names.insert(name, value: Int32(id))
            define(id, as: ByteAlphabet.bytes(of: name) ?? Array(name))
        }
    }

    /// One more than the highest id: the number of rows that an embedding needs.
    var size: Int { ranges.count }

    func id(of name: ArraySlice<UInt8>) -> Int32? { names.value(of: name) }

    /// The bytes of a token; nil if no token has the id.
    func bytes(of id: Int32) -> ArraySlice<UInt8>? {
        guard id >= 0, id < ranges.count, !ranges[Int(id)].isEmpty else { return nil }
        return buffer[ranges[Int(id)]]
    }

    /// The number of bytes that a token decodes to.
    func length(of id: Int32) -> Int { ranges[Int(id)].count }

    /// Adds a token that stands for its own text, even if the model has it already.
    mutating func add(_ content: [UInt8], id: Int32) {
        _ = names.insert(content, value: id)
        define(Int(id), as: content)
    }

    private mutating func define(_ id: Int, as bytes: [UInt8]) {
        while ranges.count <= id { ranges.append(0..<0) }
        ranges[id] = buffer.count..<(buffer.count + bytes.count)
        buffer.append(contentsOf: bytes)
    }
}
