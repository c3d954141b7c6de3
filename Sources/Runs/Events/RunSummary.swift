import Settings

/// A summary of the run that is about to start.
public struct RunSummary: Sendable {
    public let policy: String
    public let parameterCount: Int
    public let references: [String]
    public let layout: ParallelLayout
    public let threads: Int
    /// 0 for an evaluation.
    public let totalSteps: Int
    public let recordCount: Int
    public let directory: String

    package init(
        policy: String, parameterCount: Int, references: [String], layout: ParallelLayout, threads: Int, totalSteps: Int,
        recordCount: Int, directory: String
    ) {
        self.policy = policy
        self.parameterCount = parameterCount
        self.references = references
        self.layout = layout
        self.threads = threads
        self.totalSteps = totalSteps
        self.recordCount = recordCount
        self.directory = directory
    }
}
