/// What random numbers are drawn for: part of their key, so that streams of one seed have nothing in common.
///
/// The numbers are part of every run's results and never change.
public enum RandomPurpose {
    /// The order of records in an epoch, keyed (seed, order, epoch): "sampling" in ASCII.
    public static let recordOrder: UInt64 = 0x7361_6D70_6C69_6E67
    /// The tokens of an answer, keyed (seed, tokens, index).
    public static let sampledTokens: UInt64 = 4
    /// Which lines `prepare --validation` takes, keyed (validation, line): "validate" in ASCII.
    public static let validationSplit: UInt64 = 0x7661_6C69_6461_7465
}
