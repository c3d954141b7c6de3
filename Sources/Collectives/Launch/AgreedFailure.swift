import Diagnosis
import Settings

/// A failure that all ranks know. One rank prints it and all ranks end together.
public struct AgreedFailure: Error, CustomStringConvertible, Sendable {
    public let failure: Failure

    public init(_ failure: Failure) { self.failure = failure }

    public var description: String { failure.description }
}
