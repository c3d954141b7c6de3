import JSON
import Settings

/// The normalisation of a text before it is split: Unicode normal forms and lower case, one step after another.
struct Normalizer: Sendable {
    enum Step: String, Sendable {
        case composed = "NFC"
        case decomposed = "NFD"
        case compatibilityComposed = "NFKC"
        case compatibilityDecomposed = "NFKD"
        case lowercase = "Lowercase"
    }

    /// A text that normalisation changed, and the original position of its parts.
    struct Result {
        var bytes: [UInt8] = []
        /// Where each part starts, in `bytes` and in the original. Within an unchanged part, offsets grow alike in both.
        var parts: [(start: Int, original: Int)] = []
        /// The original's length.
        let originalCount: Int

        /// The original position of the byte at `offset`, exact up to a character with its marks.
        func original(of offset: Int) -> Int {
            var (low, high) = (0, parts.count)
            while high - low > 1 {
                let middle = (low + high) / 2
                if parts[middle].start <= offset { low = middle } else { high = middle }
            }
            guard low < parts.count else { return offset }
            let end = low + 1 < parts.count ? parts[low + 1].original : originalCount
            return min(parts[low].original + offset - parts[low].start, end)
        }
    }

    let steps: [Step]

    /// - Parameter node: null, one normaliser, or a `Sequence` of them.
    init(_ node: JSONValue?, place: String) throws(Failure) {
        steps = try node.map { node throws(Failure) in try Normalizer.steps(node, place: place) } ?? []
    }

    private static func steps(_ node: JSONValue, place: String) throws(Failure) -> [Step] {
        if node == .null { return [] }
        let fields = try ComponentFields(node, place: place)
        let type = try fields.string("type")
        if let step = Step(rawValue: type) {
            try fields.refuseAllBut(["type"])
            return [step]
        }
        guard type == "Sequence" else {
            throw .unsupportedTokenizer(
                fields.place(of: "type"), "the normaliser \"\(type.printable)\" is not supported")
        }
        try fields.refuseAllBut(["type", "normalizers"])
        var all: [Step] = []
        for (index, inner) in try fields.list("normalizers").enumerated() {
            all += try steps(inner, place: "\(place).normalizers[\(index)]")
        }
        return all
    }

    /// The normalised text; nil if it equals the text.
    ///
    /// The text is cut before every ASCII character, because no earlier character composes with an ASCII character or moves
    /// past it. So each part is normalised alone, and a part that is normal already costs nothing.
    func normalized(_ text: Span<UInt8>) -> Result? {
        guard !steps.isEmpty, firstPart(from: 0, in: text) < text.count else { return nil }
        var result = Result(originalCount: text.count)
        result.bytes.reserveCapacity(text.count + 16)
        var position = 0
        while position < text.count {
            let part = firstPart(from: position, in: text)
            append(position..<part, of: text, to: &result)
            guard part < text.count else { break }
            var end = part + 1
            while end < text.count, text[end] >= 0x80 { end += 1 }
            var string = String(decoding: (part..<end).map { text[$0] }, as: UTF8.self)
            for step in steps { string = step.applied(to: string) }
            result.parts.append((result.bytes.count, part))
            result.bytes += string.utf8
            position = end
        }
        // The quick check can't prove that every part is normal: the result may equal the text.
        return result.bytes.count == text.count && (0..<text.count).allSatisfy { result.bytes[$0] == text[$0] }
            ? nil : result
    }

    private func append(_ range: Range<Int>, of text: Span<UInt8>, to result: inout Result) {
        guard !range.isEmpty else { return }
        result.parts.append((result.bytes.count, range.lowerBound))
        for index in range { result.bytes.append(text[index]) }
    }

    /// Where the first part that may need normalisation begins; the text's end if there is none.
    private func firstPart(from start: Int, in text: Span<UInt8>) -> Int {
        let composesOnly = steps.allSatisfy { $0 == .composed }
        let lowers = steps.contains(.lowercase)
        var position = start
        var partStart = start
        while position < text.count {
            let byte = text[position]
            if byte < 0x80 {
                if lowers, 0x41...0x5a ~= byte { return position }
                partStart = position
                position += 1
                continue
            }
            // Below U+0300 (lead byte 0xcc) every character is in composed form.
            guard composesOnly else { return partStart }
            let (scalar, length) = UTF8Reading.scalar(at: position, in: text)
            if byte >= 0xcc, !Normalizer.isAlwaysComposed(scalar.value) { return partStart }
            position += length
        }
        return text.count
    }

    /// Whether composition never changes the character, whatever its neighbours are. False for some characters that never
    /// change either; the ranges cover most characters of most texts.
    private static func isAlwaysComposed(_ value: UInt32) -> Bool {
        switch value {
        case 0x391...0x3a1, 0x3a3...0x3ce, 0x400...0x482, 0x48a...0x52f, 0x5d0...0x5ea, 0x621...0x64a, 0x1e00...0x1eff,
            0x2010...0x2027, 0x2030...0x205e, 0x20a0...0x20c0, 0x2190...0x22ff, 0x2500...0x27bf, 0x3001...0x3029,
            0x3030...0x3098, 0x309b...0x30ff, 0x3400...0x4dbf, 0x4e00...0x9fff, 0xac00...0xd7a3, 0xff01...0xffee,
            0x1f300...0x1faff:
            true
        default: false
        }
    }
}
