import Model

/// The values that a hook computes for a micro-batch.
public struct HookValues {
    /// `[R]` one value for each scored row of the plan; empty if no objective reads it.
    public var logProbabilities: [Double]
    /// Read by losses over whole distributions and over states.
    public var states: ReferenceStates?

    public init(logProbabilities: [Double], states: ReferenceStates? = nil) {
        self.logProbabilities = logProbabilities
        self.states = states
    }
}
