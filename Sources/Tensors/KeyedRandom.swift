/// Random numbers that depend on a key alone, not on earlier draws elsewhere.
///
/// A key such as (seed, purpose, epoch) gives the same numbers on every rank, in every layout and after a resume.
/// The generator is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014) started
/// from the mixed key. Not for cryptography.
public struct KeyedRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(key: UInt64...) {
        state = 0
        for part in key { state = KeyedRandom.mix(state &+ 0x9E37_79B9_7F4A_7C15 ^ KeyedRandom.mix(part)) }
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return KeyedRandom.mix(state)
    }

    /// In (0, 1], 53 bits.
    public mutating func nextUnit() -> Double { Double((next() >> 11) + 1) * 0x1p-53 }

    private static func mix(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
