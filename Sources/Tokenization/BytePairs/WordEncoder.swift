/// Byte-pair encoding of single words, with the working memory of one thread. Not for two threads at once.
///
/// The neighbouring pair whose merge has the lowest rank is joined, again and again, until no pair has a merge. Among equal
/// ranks the leftmost pair is joined. A short word is scanned for the best pair each time. A long word keeps its pairs in a
/// heap: a word of n bytes costs n · log n, so a long text without spaces is still fast.
final class WordEncoder {
    /// The longest word that is scanned for its best pair, in tokens.
    private static let longestScanned = 48

    private let model: BytePairModel
    private let merges: PairTable
    private let cache = WordCache()
    /// The word's tokens so far.
    private var tokens: [Int32] = []
    /// `PairTable.merge` of each token and its successor.
    private var pairs: [UInt64] = []
    // For long words only: the neighbours of each token (−1 for none), and a heap of rank · 2³² + position, the smallest first.
    private var before: [Int32] = []
    private var after: [Int32] = []
    private var heap: [UInt64] = []

    init(_ model: BytePairModel) {
        self.model = model
        merges = model.merges
    }

    /// Appends the tokens of one word, which has at least one byte.
    @inline(__always)
    func encode(_ word: UnsafeBufferPointer<UInt8>, into output: inout [Int32]) {
        guard word.count <= WordCache.longestWord else { return encodeAnew(word, into: &output) }
        let key = WordCache.key(UnsafeRawPointer(word.baseAddress!), count: word.count)
        if cache.append(key, to: &output) { return }
        let start = output.count
        encodeAnew(word, into: &output)
        cache.store(key, output[start...])
    }

    @inline(never)
    private func encodeAnew(_ word: UnsafeBufferPointer<UInt8>, into output: inout [Int32]) {
        if let words = model.wholeWords, let id = words.value(of: Span(_unsafeElements: word)) {
            output.append(id)
            return
        }
        spell(word)
        if tokens.count > WordEncoder.longestScanned {
            joinByHeap()
        } else if tokens.count > 1 {
            joinByScan()
        }
        output.append(contentsOf: tokens)
    }

    /// Fills `tokens` with one token for each byte of the word.
    private func spell(_ word: UnsafeBufferPointer<UInt8>) {
        tokens.removeAll(keepingCapacity: true)
        var isAfterUnknown = false
        for byte in word {
            let token = model.byteTokens[Int(byte)]
            if token >= 0 {
                tokens.append(token)
                isAfterUnknown = false
            } else if let unknown = model.unknownToken {
                if !(isAfterUnknown && model.fusesUnknown) { tokens.append(unknown) }
                isAfterUnknown = true
            }
        }
    }

    // MARK: Short words

    private func joinByScan() {
        pairs.removeAll(keepingCapacity: true)
        for index in 0..<(tokens.count - 1) { pairs.append(merges.merge(tokens[index], tokens[index + 1])) }
        tokens.withUnsafeMutableBufferPointer { tokens in
            pairs.withUnsafeMutableBufferPointer { pairs in
                let left = WordEncoder.join(tokens, pairs, merges)
                for index in left..<tokens.count { tokens[index] = -1 }
            }
        }
        while tokens.last == -1 { tokens.removeLast() }
    }

    /// Joins pairs in place and returns the number of tokens left.
    private static func join(
        _ tokens: UnsafeMutableBufferPointer<Int32>, _ pairs: UnsafeMutableBufferPointer<UInt64>, _ merges: PairTable
    ) -> Int {
        var count = tokens.count
        while count > 1 {
            var best = PairTable.none
            var place = 0
            for index in 0..<(count &- 1) where pairs[index] < best {
                best = pairs[index]
                place = index
            }
            if best == PairTable.none { break }
            tokens[place] = Int32(truncatingIfNeeded: best)
            count &-= 1
            for index in (place &+ 1)..<max(count, place &+ 1) { tokens[index] = tokens[index &+ 1] }
            for index in place..<max(count &- 1, place) { pairs[index] = pairs[index &+ 1] }
            if place > 0 { pairs[place &- 1] = merges.merge(tokens[place &- 1], tokens[place]) }
            if place < count &- 1 { pairs[place] = merges.merge(tokens[place], tokens[place &+ 1]) }
        }
        return count
    }

    // MARK: Long words

    private func joinByHeap() {
        let count = tokens.count
        before = (0..<Int32(count)).map { $0 - 1 }
        after = (1...Int32(count)).map { $0 == count ? -1 : $0 }
        pairs = [UInt64](repeating: PairTable.none, count: count)
        heap.removeAll(keepingCapacity: true)
        for index in 0..<count { updatePair(at: index) }
        while let entry = popSmallest() {
            let place = Int(truncatingIfNeeded: entry & 0xffff_ffff)
            // Skip a stale entry: its pair has changed since the entry was pushed.
            guard pairs[place] != PairTable.none, pairs[place] >> 32 == entry >> 32 else { continue }
            let right = Int(after[place])
            tokens[place] = Int32(truncatingIfNeeded: pairs[place])
            tokens[right] = -1
            pairs[right] = PairTable.none
            after[place] = after[right]
            if after[place] >= 0 { before[Int(after[place])] = Int32(place) }
            updatePair(at: place)
            if before[place] >= 0 { updatePair(at: Int(before[place])) }
        }
        tokens.removeAll { $0 < 0 }
        // A huge word must not hold its memory for ever.
        if count > 1 << 16 { (before, after, pairs, heap) = ([], [], [], []) }
    }

    private func updatePair(at place: Int) {
        let next = Int(after[place])
        pairs[place] = next < 0 ? PairTable.none : merges.merge(tokens[place], tokens[next])
        if pairs[place] != PairTable.none { push((pairs[place] & ~0xffff_ffff) | UInt64(place)) }
    }

    private func push(_ entry: UInt64) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private func popSmallest() -> UInt64? {
        guard let smallest = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return smallest }
        heap[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { return smallest }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < heap[parent] else { return smallest }
            heap.swapAt(child, parent)
            parent = child
        }
    }
}
