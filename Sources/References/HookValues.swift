import Model

/// What a hook adds to a micro-batch.
public struct HookValues {
    /// `[R]` a value for each scored row of the plan; empty where no objective reads it.
    public var logProbabilities: [Double]
    /// What losses over whole distributions and states read.
    public var states: ReferenceStates?

    public init(logProbabilities: [Double], states: ReferenceStates? = nil) {
        self.logProbabilities = logProbabilities
        self.states = states
    }
}
