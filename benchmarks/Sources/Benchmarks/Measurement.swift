import Foundation

/// The tasks of a measuring process.
struct Measurement: Codable {
    enum Task: Codable {
        case ceiling
        case kernels
        /// - Parameters: model: its name in the report. configuration: a YAML file. warmUp, timed: numbers of steps. hasPairs:
        ///   whether records are pairs.
        case step(name: String, model: String, configuration: String, warmUp: Int, timed: Int, hasPairs: Bool)
    }

    var tasks: [Task]
    /// The model whose shapes the ceiling and the kernels are measured with. A step has the model of its configuration.
    var model: BenchmarkModel?
    var tensor: Int
    var threads: Int
    var quick: Bool
    var output: String
}
