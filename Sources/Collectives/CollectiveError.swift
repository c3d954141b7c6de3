import Settings

/// An operation between ranks failed: the operation's name and MPI's message.
public struct CollectiveError: Error, CustomStringConvertible, Sendable {
    public let operation: String
    public let message: String
    /// A cause that a user can read, if known: ranks called different operations, or a value can't be right.
    public var cause: Failure?

    init(operation: String, message: String, cause: Failure? = nil) {
        self.operation = operation
        self.message = message
        self.cause = cause
    }

    /// Work between collective operations found a value that can't be right. This rank reports `cause` and ends the job.
    package init(_ cause: Failure) { self.init(operation: cause.place, message: cause.reason, cause: cause) }

    public var description: String { "\(operation) failed: \(message)" }
}
