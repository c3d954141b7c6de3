/// Where the run is kept and what it draws its randomness from: `run`.
public struct RunSettings: Equatable, Sendable {
    /// The run's folder, made when it does not exist. Required.
    public var directory: String
    /// Seed of initial weights and of the order of records. Default 17.
    public var seed: UInt64
    /// Threads of one rank. Nil, the default: the trainer shares out the node's cores.
    public var threads: Int?

    public init(directory: String, seed: UInt64 = 17, threads: Int? = nil) {
        self.directory = directory
        self.seed = seed
        self.threads = threads
    }
}

extension RunSettings {
    static let keys = ["directory", "seed", "threads", "checkpoint_every", "keep_last", "time_limit"]

    init(_ section: Section) throws(Failure) {
        try section.requireAbsent("checkpoint_every", "keep_last", "time_limit")
        self.init(
            directory: try section.required(
                "directory", section.text("directory"), remedy: "Name the run's folder, such as runs/dpo."),
            seed: try section.seed("seed", default: 17),
            threads: try section.whole("threads", .ranks))
    }

    var written: WrittenYAML {
        .mapping([
            ("directory", .text(directory)), ("seed", .plain("\(seed)")),
            ("threads", threads.map(WrittenYAML.whole) ?? .null),
        ])
    }
}
