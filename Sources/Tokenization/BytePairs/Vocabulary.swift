import JSON
import Settings

/// Every token of a tokenizer: the model's own and those added beside it.
struct Vocabulary: Sendable {
    /// Ids by the tokens' own texts, in the byte alphabet for the model's tokens.
    private(set) var names: ByteStringTable
    /// The bytes that each id decodes to, one after another.
    private var buffer: [UInt8] = []
    /// Range in `buffer` of each id; empty for an id that no token has.
    private var ranges: [Range<Int>] = []
    /// How many tokens the model has: the first id of an added token that is not the model's.
    let modelCount: Int

    /// - Parameter members: `model.vocab`, token to id.
    init(_ members: [JSONValue.Member], place: String) throws(Failure) {
        names = ByteStringTable(capacity: members.count)
        modelCount = members.count
        // Tokenizers leave few gaps or none; a huge id in a small file is damage, not a vocabulary.
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

    /// One more than the highest id: the rows that an embedding needs.
    var size: Int { ranges.count }

    func id(of name: ArraySlice<UInt8>) -> Int32? { names.value(of: name) }

    /// The bytes of a token; nil where no token has that id.
    func bytes(of id: Int32) -> ArraySlice<UInt8>? {
        guard id >= 0, id < ranges.count, !ranges[Int(id)].isEmpty else { return nil }
        return buffer[ranges[Int(id)]]
    }

    /// How many bytes a token decodes to.
    func length(of id: Int32) -> Int { ranges[Int(id)].count }

    /// Takes in a token that stands for its own text, whether the model has it or not.
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
