import Foundation

/// The result of a measuring process.
struct MeasurementResult: Codable {
    var ceiling: Ceiling?
    var kernels: [KernelResult] = []
    var step: StepResult?
    var mpi: String?
}
