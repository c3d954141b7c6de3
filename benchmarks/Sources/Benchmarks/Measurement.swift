import Foundation

/// What a started process is to do.
struct Measurement: Codable {
    enum Task: Codable {
        case ceiling
        case kernels
        /// - Parameters: model: what the report calls it. configuration: a YAML file. warmUp, timed: steps. hasPairs: records
        ///   are pairs.
        case step(name: String, model: String, configuration: String, warmUp: Int, timed: Int, hasPairs: Bool)
    }

    var tasks: [Task]
    /// Whose shapes the machine and the kernels are measured at; a step's configuration says its own.
    var model: BenchmarkModel?
    var tensor: Int
    var threads: Int
    var quick: Bool
    var output: String
}
