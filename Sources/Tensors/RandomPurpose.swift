/// The purpose of random numbers. It is part of their key, so that the streams of one seed are independent.
///
/// The results of every run depend on these constants, so they never change.
public enum RandomPurpose {
    /// The order of records in an epoch, keyed (seed, order, epoch): "sampling" in ASCII.
    public static let recordOrder: UInt64 = 0x7361_6D70_6C69_6E67
    /// The tokens of an answer, keyed (seed, tokens, index).
    public static let sampledTokens: UInt64 = 4
    /// Which lines `prepare --validation` takes, keyed (validation, line): "validate" in ASCII.
    public static let validationSplit: UInt64 = 0x7661_6C69_6461_7465
}
