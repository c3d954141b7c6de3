import Settings

/// That this process can't be the rank which its environment says it is.
public struct LaunchFailure: Error {
    public let failure: Failure
    /// Another task of the same launcher meets it too and tells of it; else this process may be the only one.
    public let isToldByAnother: Bool
}
