import Diagnosis

/// An operation that goes on, or is to be waited for.
struct StartedOperation {
    var operation: Operation
    let comparison: OperationComparison.Pending?
}
