/// SHA-256 (FIPS 180-4): templates and vocabularies are known by it.
enum SHA256Digest {
    /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = primes(64).map { fraction(ofRoot: 3, $0) }
    /// The same of the square roots of the first 8.
    private static let initial: [UInt32] = primes(8).map { fraction(ofRoot: 2, $0) }

    static func hexadecimal(of message: [UInt8]) -> String {
        var state = initial
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        for shift in stride(from: 56, through: 0, by: -8) {
            padded.append(UInt8(truncatingIfNeeded: UInt64(message.count * 8) >> UInt64(shift)))
        }
        let constants = constants
        var words = [UInt32](repeating: 0, count: 64)
        for start in stride(from: 0, to: padded.count, by: 64) {
            absorb(padded.span.extracting(start..<(start + 64)), into: &state, constants.span, &words)
        }
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    /// - Parameters:
    ///   - block: 64 bytes.
    ///   - words: room for 64, kept from block to block.
    private static func absorb(
        _ block: Span<UInt8>, into state: inout [UInt32], _ constants: Span<UInt32>, _ words: inout [UInt32]
    ) {
        for index in 0..<16 {
            let (upper, lower) = (
                UInt32(block[4 * index]) << 24 | UInt32(block[4 * index + 1]) << 16,
                UInt32(block[4 * index + 2]) << 8 | UInt32(block[4 * index + 3])
            )
            words[index] = upper | lower
        }
        for index in 16..<64 {
            let (early, late) = (words[index - 15], words[index - 2])
            let first = rotated(early, 7) ^ rotated(early, 18) ^ early >> 3
            let second = rotated(late, 17) ^ rotated(late, 19) ^ late >> 10
            words[index] = words[index - 16] &+ first &+ words[index - 7] &+ second
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        for index in 0..<64 {
            let mixed = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
            let first = h &+ mixed &+ ((e & f) ^ (~e & g)) &+ constants[index] &+ words[index]
            let majority = (a & b) ^ (a & c) ^ (b & c)
            let second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ majority
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
        }
        for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= word }
    }

    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }

    private static func primes(_ count: Int) -> [Int] {
        var primes: [Int] = []
        var candidate = 2
        while primes.count < count {
            if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
            candidate += 1
        }
        return primes
    }

    /// The fraction of a root in units of 2⁻³²: the greatest x with xᵏ ≤ n · 2³²ᵏ, less its whole part.
    private static func fraction(ofRoot degree: Int, _ number: Int) -> UInt32 {
        var (low, high) = (UInt64(0), UInt64(1) << 37)
        while high - low > 1 {
            let middle = (low + high) / 2
            if isAtMost(middle, degree, number) { low = middle } else { high = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }

    private static func isAtMost(_ root: UInt64, _ degree: Int, _ number: Int) -> Bool {
        // Up to 37 · 3 bits: 128-bit whole numbers hold the power.
        var power: UInt128 = 1
        for _ in 0..<degree { power *= UInt128(root) }
        return power <= UInt128(number) << UInt128(32 * degree)
    }
}
