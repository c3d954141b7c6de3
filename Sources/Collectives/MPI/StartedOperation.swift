import Diagnosis

/// An operation that was started and not yet waited for.
struct StartedOperation {
    var operation: Operation
    let comparison: OperationComparison.Pending?
}
