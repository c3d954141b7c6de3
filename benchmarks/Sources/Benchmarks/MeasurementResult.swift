import Foundation
import JSON

/// The result of a measuring process.
struct MeasurementResult {
    var ceiling: Ceiling?
    var kernels: [KernelResult] = []
    var step: StepResult?
    var mpi: String?
}

extension MeasurementResult: JSONRepresentable {
    var json: JSONValue { .fields(["ceiling": ceiling, "kernels": kernels, "step": step, "mpi": mpi]) }

    init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        ceiling = try fields["ceiling"]
        kernels = try fields["kernels"]
        step = try fields["step"]
        mpi = try fields["mpi"]
    }
}
