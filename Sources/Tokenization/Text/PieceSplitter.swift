/// Cuts pieces of text into words and encodes them, with the working memory of one thread. Not for two threads at once.
///
/// This is the hot loop: bytes are read in place, and words in the cache need no allocation.
final class PieceSplitter: @unchecked Sendable {
    // Unchecked because a tokenizer hands a splitter to one call at a time.
    private let steps: [PreTokenizer.Step]
    private let words: WordEncoder
    private let scratch = MatchScratch()
    private let vocabulary: Vocabulary

    /// The tokens so far.
    var ids: [Int32] = []
    /// Where each token starts, in bytes of the piece. Filled only if `keepsStarts`.
    var starts: [Int] = []
    var keepsStarts = false
    /// Why an expression gave up on the text; the tokens are then not valid. Nil if no expression did.
    private(set) var problem: RegularExpression.Problem?

    init(_ model: BytePairModel, _ preTokenizer: PreTokenizer, _ vocabulary: Vocabulary) {
        steps = preTokenizer.steps
        words = WordEncoder(model)
        self.vocabulary = vocabulary
    }

    /// Forgets the previous text.
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

    /// - Parameter origin: where `piece` starts in the piece that `encode` was given.
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

    /// Makes each match, and each stretch between matches, a piece of its own.
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

    /// Calls `body` for the matches and the stretches between them, in order.
    ///
    /// As in Oniguruma's iterator, an empty match at the end of the previous match does not count.
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
        // A text with a problem costs no further steps.
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

    /// Each token covers as many bytes as it decodes to. A space that was added before a piece takes no bytes of the text.
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

    /// The pieces that this behaviour makes of a text's parts.
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
