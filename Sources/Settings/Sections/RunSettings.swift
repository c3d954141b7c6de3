/// Where the run is kept and what it draws its randomness from: `run`.
public struct RunSettings: Equatable, Sendable {
    /// The run's folder, made when it does not exist. Required.
    public var directory: String
    /// Seed of initial weights and of the order of records. Default 17.
    public var seed: UInt64
    /// Threads of one rank. Nil, the default: the trainer shares out the node's cores.
    public var threads: Int?
    /// Optimizer steps between checkpoints. Nil, the default: one only where the run is interrupted.
    public var checkpointEvery: Int?
    /// How many checkpoints are kept, the newest. Default 2.
    public var keepLast: Int
    /// Seconds after which the run must have ended, saved. Nil, the default: none.
    public var timeLimit: Double?
    /// Seconds that an operation of several ranks may last. Nil: as long as it takes. Default 1,800.
    public var collectiveTimeout: Double?
    /// Seconds that a step may last. Nil, the default: as long as it takes.
    public var stepTimeout: Double?
    /// Ranks compare what they are about to do with each other. Default false.
    public var checkCollectives: Bool

    public init(
        directory: String, seed: UInt64 = 17, threads: Int? = nil, checkpointEvery: Int? = nil, keepLast: Int = 2,
        timeLimit: Double? = nil, collectiveTimeout: Double? = 1800, stepTimeout: Double? = nil, checkCollectives: Bool = false
    ) {
        self.directory = directory
        self.seed = seed
        self.threads = threads
        self.checkpointEvery = checkpointEvery
        self.keepLast = keepLast
        self.timeLimit = timeLimit
        self.collectiveTimeout = collectiveTimeout
        self.stepTimeout = stepTimeout
        self.checkCollectives = checkCollectives
    }
}

extension RunSettings {
    static let keys = [
        "directory", "seed", "threads", "checkpoint_every", "keep_last", "time_limit", "collective_timeout", "step_timeout",
        "check_collectives",
    ]

    init(_ section: Section) throws(Failure) {
        self.init(
            directory: try section.required(
                "directory", section.text("directory"), remedy: "Name the run's folder, such as runs/dpo."),
            seed: try section.seed("seed", default: 17),
            threads: try section.whole("threads", .ranks),
            checkpointEvery: try section.whole("checkpoint_every", .counts),
            keepLast: try section.whole("keep_last", .counts) ?? 2,
            timeLimit: try section.duration("time_limit"),
            // Here null is a value: no limit.
            collectiveTimeout: section["collective_timeout"] == nil ? 1800 : try section.number("collective_timeout", .positive),
            stepTimeout: try section.number("step_timeout", .positive),
            checkCollectives: try section.boolean("check_collectives", default: false))
    }

    var written: WrittenYAML {
        .mapping([
            ("directory", .text(directory)), ("seed", .plain("\(seed)")),
            ("threads", threads.map(WrittenYAML.whole) ?? .null),
            ("checkpoint_every", checkpointEvery.map(WrittenYAML.whole) ?? .null), ("keep_last", .whole(keepLast)),
            ("time_limit", timeLimit.map(WrittenYAML.number) ?? .null),
            ("collective_timeout", collectiveTimeout.map(WrittenYAML.number) ?? .null),
            ("step_timeout", stepTimeout.map(WrittenYAML.number) ?? .null),
            ("check_collectives", .boolean(checkCollectives)),
        ])
    }
}
