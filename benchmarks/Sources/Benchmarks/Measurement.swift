import JSON

/// The tasks of a measuring process.
struct Measurement: Equatable {
    enum Task: Equatable {
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

extension Measurement: JSONRepresentable {
    var json: JSONValue {
        .fields(["tasks": tasks, "model": model, "tensor": tensor, "threads": threads, "quick": quick, "output": output])
    }

    init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        tasks = try fields["tasks"]
        model = try fields["model"]
        tensor = try fields["tensor"]
        threads = try fields["threads"]
        quick = try fields["quick"]
        output = try fields["output"]
    }
}

extension Measurement.Task: JSONRepresentable {
    var json: JSONValue {
        switch self {
        case .ceiling: .fields(["task": "ceiling"])
        case .kernels: .fields(["task": "kernels"])
        case .step(let name, let model, let configuration, let warmUp, let timed, let hasPairs):
            .fields([
                "task": "step", "name": name, "model": model, "configuration": configuration, "warm_up": warmUp, "timed": timed,
                "has_pairs": hasPairs,
            ])
        }
    }

    init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        let task: String = try fields["task"]
        switch task {
        case "ceiling": self = .ceiling
        case "kernels": self = .kernels
        case "step":
            self = .step(
                name: try fields["name"], model: try fields["model"], configuration: try fields["configuration"],
                warmUp: try fields["warm_up"], timed: try fields["timed"], hasPairs: try fields["has_pairs"])
        default: throw JSONMismatch(path: "task", reason: "is \(task), not a task")
        }
    }
}
