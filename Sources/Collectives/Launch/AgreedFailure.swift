import Diagnosis
import Settings

/// A failure that every rank knows of: one of them says it, and all end together.
public struct AgreedFailure: Error, CustomStringConvertible, Sendable {
    public let failure: Failure

    public init(_ failure: Failure) { self.failure = failure }

    public var description: String { failure.description }
}
