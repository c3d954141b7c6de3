import Settings

/// This process can't be the rank that its environment names.
public struct LaunchFailure: Error {
    public let failure: Failure
    /// Whether another task of the same launcher meets the same failure and reports it. If false, this process may be the
    /// only one.
    public let isToldByAnother: Bool
}
