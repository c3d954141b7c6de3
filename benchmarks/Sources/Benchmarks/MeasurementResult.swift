import Foundation

/// What a started process hands back.
struct MeasurementResult: Codable {
    var ceiling: Ceiling?
    var kernels: [KernelResult] = []
    var step: StepResult?
    var mpi: String?
}
