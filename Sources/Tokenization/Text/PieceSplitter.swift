/// Cuts pieces of text into words and encodes them, with what one thread needs for it. Not for two threads at once.
///
/// The hot loop: bytes in place, no allocation where a text's words have been met before.
final class PieceSplitter: @unchecked Sendable {
    // Unchecked because a tokenizer hands a splitter to one call at a time.
    private let steps: [PreTokenizer.Step]
    private let words: WordEncoder
    private let scratch = MatchScratch()
    private let vocabulary: Vocabulary

    /// The tokens so far.
    var ids: [Int32] = []
    /// Where each token starts, in bytes of the piece; filled where `keepsStarts`.
    var starts: [Int] = []
    var keepsStarts = false
    /// Why an expression gave up on the text: the tokens are then none of it.
    private(set) var problem: RegularExpression.Problem?

    init(_ model: BytePairModel, _ preTokenizer: PreTokenizer, _ vocabulary: Vocabulary) {
        steps = preTokenizer.steps
        words = WordEncoder(model)
        self.vocabulary = vocabulary
    }

    /// Forgets the last text.
    func begin() {
        ids.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        problem = nil
    }

    /// Encodes a piece without added tokens.
    func encode(_ piece: UnsafeBufferPointer<UInt8>) {
        guard !piece.isEmpty else { return }
        cut(piece, by: 0, origin: 0)
    }

    /// - Parameter origin: where `piece` starts in what `encode` was given.
    private func cut(_ piece: UnsafeBufferPointer<UInt8>, by step: Int, origin: Int) {
        guard step < steps.count else { return encodeWord(piece, origin: origin) }
        switch steps[step] {
        case .prefixSpace:
            guard piece[0] != UInt8(ascii: " ") else { return cut(piece, by: step + 1, origin: origin) }
            let spaced = [UInt8(ascii: " ")] + piece
            spaced.withUnsafeBufferPointer { cut($0, by: step + 1, origin: origin - 1) }
        case .split(let expression, .isolated, _):
            isolate(expression, piece, step, origin)
        case .split(let expression, let behavior, let isInverted):
            var parts = parts(of: piece, by: expression)
            if isInverted { for index in parts.indices { parts[index].isMatch.toggle() } }
            for range in behavior.joined(parts) where !range.isEmpty {
                cut(UnsafeBufferPointer(rebasing: piece[range]), by: step + 1, origin: origin + range.lowerBound)
            }
        }
    }

    /// Matches and what lies between them are pieces of their own.
    private func isolate(
        _ expression: RegularExpression, _ piece: UnsafeBufferPointer<UInt8>, _ step: Int, _ origin: Int
    ) {
        let isLast = step + 1 == steps.count
        forEachPart(of: piece, by: expression) { range, _ in
            let word = UnsafeBufferPointer(rebasing: piece[range])
            if isLast {
                encodeWord(word, origin: origin + range.lowerBound)
            } else {
                cut(word, by: step + 1, origin: origin + range.lowerBound)
            }
        }
    }

    private func parts(
        of piece: UnsafeBufferPointer<UInt8>, by expression: RegularExpression
    ) -> [PreTokenizer.Behavior.Part] {
        var parts: [PreTokenizer.Behavior.Part] = []
        forEachPart(of: piece, by: expression, includingEmpty: true) { parts.append(($0, $1)) }
        return parts
    }

    /// The matches and the stretches between them, in order.
    ///
    /// As Oniguruma's iterator does: an empty match is not accepted where the last one ended.
    @inline(__always)
    private func forEachPart(
        of piece: UnsafeBufferPointer<UInt8>, by expression: RegularExpression, includingEmpty: Bool = false,
        _ body: (Range<Int>, Bool) -> Void
    ) {
        var done = 0
        var position = 0
        var lastEnd = -1
        while position <= piece.count, let match = firstMatch(of: expression, in: piece, from: position) {
            if match.isEmpty, match.upperBound == lastEnd {
                position += position < piece.count ? PieceSplitter.length(ofCharacter: piece[position]) : 1
                continue
            }
            if match.lowerBound > done { body(done..<match.lowerBound, false) }
            if includingEmpty || !match.isEmpty { body(match, true) }
            (done, position, lastEnd) = (match.upperBound, match.upperBound, match.upperBound)
        }
        if done < piece.count { body(done..<piece.count, false) }
    }

    @inline(__always)
    private func firstMatch(
        of expression: RegularExpression, in piece: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Range<Int>? {
        // A text that has been given up costs no further steps.
        guard problem == nil else { return nil }
        do throws(RegularExpression.Problem) {
            return try scratch.firstMatch(of: expression, in: piece, from: start)
        } catch {
            problem = error
            return nil
        }
    }

    private static func length(ofCharacter lead: UInt8) -> Int {
        lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    }

    @inline(__always)
    private func encodeWord(_ word: UnsafeBufferPointer<UInt8>, origin: Int) {
        let first = ids.count
        words.encode(word, into: &ids)
        if keepsStarts { appendStarts(from: first, origin: origin) }
    }

    /// A token covers as many bytes as it decodes to; the space that a piece was given counts for nothing.
    private func appendStarts(from first: Int, origin: Int) {
        var start = origin
        for id in ids[first...] {
            starts.append(max(start, 0))
            start += vocabulary.length(of: id)
        }
    }
}

extension PreTokenizer.Behavior {
    typealias Part = (range: Range<Int>, isMatch: Bool)

    /// The pieces that the parts of a text become.
    func joined(_ parts: [Part]) -> [Range<Int>] {
        switch self {
        case .isolated: return parts.map(\.range)
        case .removed: return parts.filter { !$0.isMatch }.map(\.range)
        case .mergedWithPrevious:
            var ranges: [Range<Int>] = []
            var wasMatch = false
            for (range, isMatch) in parts {
                if isMatch, !wasMatch, let last = ranges.popLast() {
                    ranges.append(last.lowerBound..<range.upperBound)
                } else {
                    ranges.append(range)
                }
                wasMatch = isMatch
            }
            return ranges
        case .mergedWithNext:
            var ranges: [Range<Int>] = []
            var wasMatch = false
            for (range, isMatch) in parts.reversed() {
                if isMatch, !wasMatch, let next = ranges.popLast() {
                    ranges.append(range.lowerBound..<next.upperBound)
                } else {
                    ranges.append(range)
                }
                wasMatch = isMatch
            }
            return ranges.reversed()
        case .contiguous:
            var ranges: [Range<Int>] = []
            var wasMatch = false
            for (range, isMatch) in parts {
                if isMatch == wasMatch, let last = ranges.popLast() {
                    ranges.append(last.lowerBound..<range.upperBound)
                } else {
                    ranges.append(range)
                }
                wasMatch = isMatch
            }
            return ranges
        }
    }
}
