public struct Machine: Codable, Sendable {
    public var host: String
    public var processor: String
    public var cores: Int
    public var memoryBytes: Int
    /// Runnable processes of the last minute, before and after the run: others' work shows here, and ours in the second.
    public var loadBefore: Double
    public var loadAfter: Double?

    /// More than half of the cores had work before the run began.
    var wasBusy: Bool { loadBefore > Double(cores) / 2 }
}
