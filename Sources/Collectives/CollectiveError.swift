import Settings

/// What ranks do together failed: which operation, and what MPI says of it.
public struct CollectiveError: Error, CustomStringConvertible, Sendable {
    public let operation: String
    public let message: String
    /// The cause in words for a person, where it is known: ranks called different operations, or a value can't be right.
    public var cause: Failure?

    init(operation: String, message: String, cause: Failure? = nil) {
        self.operation = operation
        self.message = message
        self.cause = cause
    }

    /// Work between ranks' operations found something that can't be right: this rank says so and ends all.
    package init(_ cause: Failure) { self.init(operation: cause.place, message: cause.reason, cause: cause) }

    public var description: String { "\(operation) failed: \(message)" }
}
