/// The run's folder, seed, threads, checkpoints and limits: `run`.
public struct RunSettings: Equatable, Sendable {
    /// The run's folder, created if it does not exist. Required.
    public var directory: String
    /// Seed of initial weights and of the order of records. Default 17.
    public var seed: UInt64
    /// Threads of one rank. Nil, the default: the trainer divides the node's cores among its ranks.
    public var threads: Int?
    /// Optimizer steps between checkpoints. Nil, the default: `checkpointMinutes` decides.
    public var checkpointEvery: Int?
    /// Minutes between checkpoints if `checkpointEvery` is nil. Nil: a checkpoint only if the run is interrupted. Default 30.
    public var checkpointMinutes: Double?
    /// The number of newest checkpoints that are kept. Default 2.
    public var keepLast: Int
    /// Checkpoints of steps that are multiples of this number are never removed. Nil, the default: no such checkpoints.
    public var keepEvery: Int?
    /// Paths of keys that may differ when the run is resumed, although they change the run's results. Default: none.
    public var allowChanges: [String]
    /// Seconds after its start within which the process must save and end. Nil, the default: no limit.
    public var timeLimit: Double?
    /// The longest time of a collective operation, including waiting, in seconds. Nil: no limit. Default 1,800.
    public var collectiveTimeout: Double?
    /// The longest time of a step, in seconds. Nil, the default: no limit.
    public var stepTimeout: Double?
    /// Whether ranks compare each collective operation before they run it. Default false.
    public var checkCollectives: Bool

    /// The most threads of a rank: more than any host has cores.
    public static let mostThreads = 4096

    public init(
        directory: String, seed: UInt64 = 17, threads: Int? = nil, checkpointEvery: Int? = nil,
        checkpointMinutes: Double? = 30, keepLast: Int = 2, keepEvery: Int? = nil, allowChanges: [String] = [],
        timeLimit: Double? = nil, collectiveTimeout: Double? = 1800,
        stepTimeout: Double? = nil, checkCollectives: Bool = false
    ) {
        self.directory = directory
        self.seed = seed
        self.threads = threads
        self.checkpointEvery = checkpointEvery
        self.checkpointMinutes = checkpointMinutes
        self.keepLast = keepLast
        self.keepEvery = keepEvery
        self.allowChanges = allowChanges
        self.timeLimit = timeLimit
        self.collectiveTimeout = collectiveTimeout
        self.stepTimeout = stepTimeout
        self.checkCollectives = checkCollectives
    }
}

extension RunSettings {
    static let keys = [
        "directory", "seed", "threads", "checkpoint_every", "checkpoint_minutes", "keep_last", "keep_every", "allow_changes",
        "time_limit", "collective_timeout", "step_timeout", "check_collectives",
    ]

    init(_ section: Section) throws(Failure) {
        self.init(
            directory: try section.required(
                "directory", section.path("directory"), remedy: "Name the run's folder, such as runs/dpo."),
            seed: try section.seed("seed", default: 17),
            threads: try section.whole("threads", .threads),
            checkpointEvery: try section.whole("checkpoint_every", .counts),
            // `null` is a value here: no checkpoints by time.
            checkpointMinutes: section["checkpoint_minutes"] == nil ? 30 : try section.number("checkpoint_minutes", .positive),
            keepLast: try section.whole("keep_last", .counts) ?? 2,
            keepEvery: try section.whole("keep_every", .counts),
            allowChanges: try RunSettings.allowedChanges(section),
            timeLimit: try section.duration("time_limit"),
            // `null` is a value here: no limit.
            collectiveTimeout: section["collective_timeout"] == nil ? 1800 : try section.number("collective_timeout", .positive),
            stepTimeout: try section.number("step_timeout", .positive),
            checkCollectives: try section.boolean("check_collectives", default: false))
    }

    /// Reads `allow_changes`: key paths of settings that decide a run's results.
    private static func allowedChanges(_ section: Section) throws(Failure) -> [String] {
        guard section.isGiven("allow_changes") else { return [] }
        let remedy = "Write a list of key paths, such as [optimizer.learning_rate, data.train]."
        guard case .list(let items)? = section["allow_changes"]?.content else {
            throw section.failure("allow_changes", "is \(section["allow_changes"]!.shown), not a list", remedy: remedy)
        }
        var paths: [String] = []
        for item in items {
            guard case .scalar(let path, _) = item.content else {
                throw section.failure("allow_changes", "holds \(item.shown), not a key path", remedy: remedy)
            }
            let keys = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard let known = RunConfiguration.sectionKeys.first(where: { $0.section == keys[0] }) else {
                throw section.failure(
                    "allow_changes", "holds \"\(path)\", which begins with no section", remedy: remedy)
            }
            // The user chooses the names of references and the indices of objectives.
            let isFree = known.keys.isEmpty || known.section == "objective"
            guard keys.count == 1 || isFree || known.keys.contains(keys[1]) else {
                throw section.failure(
                    "allow_changes", "holds \"\(path)\", but \(known.section) has no key \"\(keys[1])\"",
                    remedy: KeySuggestion.remedy(for: keys[1], among: known.keys, in: known.section))
            }
            paths.append(path)
        }
        return paths
    }

    var written: WrittenYAML {
        .mapping([
            ("directory", .text(directory)), ("seed", .plain("\(seed)")),
            ("threads", threads.map(WrittenYAML.whole) ?? .null),
            ("checkpoint_every", checkpointEvery.map(WrittenYAML.whole) ?? .null),
            ("checkpoint_minutes", checkpointMinutes.map(WrittenYAML.number) ?? .null), ("keep_last", .whole(keepLast)),
            ("keep_every", keepEvery.map(WrittenYAML.whole) ?? .null),
            ("allow_changes", allowChanges.isEmpty ? .null : .list(allowChanges.map(WrittenYAML.text))),
            ("time_limit", timeLimit.map(WrittenYAML.number) ?? .null),
            ("collective_timeout", collectiveTimeout.map(WrittenYAML.number) ?? .null),
            ("step_timeout", stepTimeout.map(WrittenYAML.number) ?? .null),
            ("check_collectives", .boolean(checkCollectives)),
        ])
    }
}
