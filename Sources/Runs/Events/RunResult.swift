public struct RunResult: Sendable {
    public let steps: Int
    public let seconds: Double
    /// Summed over all ranks.
    public let peakMemoryByteCount: Int
    public let exportFolder: String?

    package init(steps: Int, seconds: Double, peakMemoryByteCount: Int, exportFolder: String?) {
        self.steps = steps
        self.seconds = seconds
        self.peakMemoryByteCount = peakMemoryByteCount
        self.exportFolder = exportFolder
    }
}
