import Settings

/// A collective operation failed: which one, and what MPI says of it.
public struct CollectiveError: Error, CustomStringConvertible, Sendable {
    public let operation: String
    public let message: String
    /// Ranks called different operations: what all of them are told.
    public var mismatch: Failure?

    init(operation: String, message: String, mismatch: Failure? = nil) {
        self.operation = operation
        self.message = message
        self.mismatch = mismatch
    }

    public var description: String { "\(operation) failed: \(message)" }
}
