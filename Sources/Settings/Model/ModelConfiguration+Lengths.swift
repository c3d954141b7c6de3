extension ModelConfiguration {
    /// The longest sequence whose keys may stay in a cache: beyond it all keys of a sequence have other angles (longrope). Dynamic
    /// positions keep them, as Transformers does.
    public var cacheLimit: Int? {
        blocks.compactMap { block -> Int? in
            guard case .longrope(_, _, let original, _) = block.attention.rotary?.scaling else { return nil }
            return original
        }.min()
    }

    /// The longest sequence that the model takes: `maximumPositions`, times the factor of dynamic rotary positions.
    public var positionLimit: Int {
        let stretched = blocks.compactMap { block -> Int? in
            guard case .dynamic(let factor, let original) = block.attention.rotary?.scaling else { return nil }
            return Int(min(factor * Double(original), 0x1p32))
        }
        return max(maximumPositions, stretched.min() ?? 0)
    }

    /// The longest sequence with the usual rotary angles in all blocks; nil if no angle depends on the length of a sequence.
    public var lengthLimit: Int? { blocks.compactMap { $0.attention.rotary?.lengthLimit }.min() }
}
