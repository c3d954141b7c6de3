/// Finds added tokens in a text: the leftmost first, and the longest of the tokens that begin at the same byte.
struct AddedTokenMatcher: Sendable {
    /// A range of a text, and the id of the token there; nil for text between tokens.
    typealias Part = (range: Range<Int>, id: Int32?)

    /// A node of the tree. The children of a node form a linked list, so the tree costs at most 16 bytes for each byte of the
    /// tokens, whatever the tokens are.
    private struct Node: Sendable {
        let byte: UInt8
        /// Index of the first child, and of the next child of the same node; 0 for none.
        var child: Int32 = 0
        var sibling: Int32 = 0
        /// Index of the token that ends here; −1 for none.
        var token: Int32 = -1
    }

    private let tokens: [AddedToken]
    /// The nodes of a tree of bytes; node 0 is the root.
    private var nodes = [Node(byte: 0)]
    /// For each byte, whether a token begins with it.
    private var beginnings = [Bool](repeating: false, count: 256)

    /// - Parameter tokens: each token with the text to search for.
    init(_ tokens: [(text: [UInt8], token: AddedToken)]) {
        self.tokens = tokens.map(\.token)
        for (index, (text, _)) in tokens.enumerated() where !text.isEmpty {
            beginnings[Int(text[0])] = true
            var node = 0
            for byte in text { node = child(of: node, by: byte) ?? insert(byte, below: node) }
            if nodes[node].token < 0 { nodes[node].token = Int32(index) }
        }
    }

    private func child(of node: Int, by byte: UInt8) -> Int? {
        var child = Int(nodes[node].child)
        while child != 0, nodes[child].byte != byte { child = Int(nodes[child].sibling) }
        return child == 0 ? nil : child
    }

    private mutating func insert(_ byte: UInt8, below node: Int) -> Int {
        nodes.append(Node(byte: byte, sibling: nodes[node].child))
        nodes[node].child = Int32(nodes.count - 1)
        return nodes.count - 1
    }

    /// The parts of `text`, in order; none for an empty text.
    ///
    /// White space that a token strips belongs to the token's part. The rules are those of Hugging Face's `find_matches`,
    /// including one oddity: if the white space that a token strips is the beginning of the next token, the two parts overlap.
    func parts(of text: Span<UInt8>) -> [Part] {
        var parts: [Part] = []
        var done = 0
        var position = 0
        // The end of known white space: so each run of white space is read once, however many tokens are in it.
        var spaceEnd = 0
        while let (found, index) = match(in: text, from: position) {
            position = found.upperBound
            let token = tokens[index]
            if token.isSingleWord, touchesWord(found, in: text) { continue }
            var (start, end) = (found.lowerBound, found.upperBound)
            if token.stripsLeft { start = spaceStart(before: start, notBefore: done, in: text) }
            if token.stripsRight {
                if end >= spaceEnd { spaceEnd = self.spaceEnd(after: end, in: text) }
                end = spaceEnd
            }
            if done < start { parts.append((done..<start, nil)) }
            parts.append((start..<max(end, start), token.id))
            done = end
        }
        if done < text.count { parts.append((done..<text.count, nil)) }
        return parts
    }

    private func match(in text: Span<UInt8>, from start: Int) -> (Range<Int>, Int)? {
        guard !tokens.isEmpty else { return nil }
        var position = start
        while position < text.count {
            if beginnings[Int(text[position])], let found = longest(in: text, at: position) { return found }
            position += 1
        }
        return nil
    }

    private func longest(in text: Span<UInt8>, at start: Int) -> (Range<Int>, Int)? {
        var node = 0
        var found: (Range<Int>, Int)?
        var position = start
        while position < text.count {
            guard let next = child(of: node, by: text[position]) else { break }
            node = next
            position += 1
            if nodes[node].token >= 0 { found = (start..<position, Int(nodes[node].token)) }
        }
        return found
    }

    // MARK: Surroundings

    private func touchesWord(_ range: Range<Int>, in text: Span<UInt8>) -> Bool {
        if range.lowerBound > 0, UTF8Reading.scalar(before: range.lowerBound, in: text).scalar.isOfWord { return true }
        return range.upperBound < text.count && UTF8Reading.scalar(at: range.upperBound, in: text).scalar.isOfWord
    }

    private func spaceStart(before position: Int, notBefore limit: Int, in text: Span<UInt8>) -> Int {
        var start = position
        while start > limit {
            let (scalar, length) = UTF8Reading.scalar(before: start, in: text)
            guard scalar.properties.isWhitespace else { break }
            start -= length
        }
        return max(start, limit)
    }

    private func spaceEnd(after position: Int, in text: Span<UInt8>) -> Int {
        var end = position
        while end < text.count {
            let (scalar, length) = UTF8Reading.scalar(at: end, in: text)
            guard scalar.properties.isWhitespace else { break }
            end += length
        }
        return end
    }
}

extension Unicode.Scalar {
    /// `\w` of Rust's regular expressions (UTS 18).
    fileprivate var isOfWord: Bool {
        if properties.isAlphabetic || properties.isJoinControl { return true }
        return switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
        default: false
        }
    }
}
