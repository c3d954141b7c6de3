extension ModelConfiguration {
    /// The longest sequence with the usual rotary angles in all blocks; nil if no angle depends on the length of a sequence.
    public var lengthLimit: Int? { blocks.compactMap { $0.attention.rotary?.lengthLimit }.min() }
}
