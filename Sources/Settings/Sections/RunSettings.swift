/// Where the run is kept and what it draws its randomness from: `run`.
public struct RunSettings: Equatable, Sendable {
    /// The run's folder, made when it does not exist. Required.
    public var directory: String
    /// Seed of initial weights and of the order of records. Default 17.
    public var seed: UInt64
    /// Threads of one rank. Nil, the default: the trainer shares out the node's cores.
    public var threads: Int?
    /// Optimizer steps between checkpoints. Nil, the default: `checkpointMinutes` decides.
    public var checkpointEvery: Int?
    /// Minutes between checkpoints, where `checkpointEvery` is nil. Nil: a checkpoint only where the run is interrupted.
    /// Default 30.
    public var checkpointMinutes: Double?
    /// How many checkpoints are kept, the newest. Default 2.
    public var keepLast: Int
    /// Checkpoints of steps that this divides are kept for ever. Nil, the default: none is.
    public var keepEvery: Int?
    /// Paths of keys that may have changed where the run is resumed, though it then is another run. Default none.
    public var allowChanges: [String]
    /// Seconds after which the run must have ended, saved. Nil, the default: none.
    public var timeLimit: Double?
    /// Seconds that an operation of several ranks may last. Nil: as long as it takes. Default 1,800.
    public var collectiveTimeout: Double?
    /// Seconds that a step may last. Nil, the default: as long as it takes.
    public var stepTimeout: Double?
    /// Ranks compare what they are about to do with each other. Default false.
    public var checkCollectives: Bool

    /// Threads that a rank may have: more than any host has cores for.
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
            // Here null is a value: none by themselves.
            checkpointMinutes: section["checkpoint_minutes"] == nil ? 30 : try section.number("checkpoint_minutes", .positive),
            keepLast: try section.whole("keep_last", .counts) ?? 2,
            keepEvery: try section.whole("keep_every", .counts),
            allowChanges: try RunSettings.allowedChanges(section),
            timeLimit: try section.duration("time_limit"),
            // Here null is a value: no limit.
            collectiveTimeout: section["collective_timeout"] == nil ? 1800 : try section.number("collective_timeout", .positive),
            stepTimeout: try section.number("step_timeout", .positive),
            checkCollectives: try section.boolean("check_collectives", default: false))
    }

    /// Key paths of settings that decide what a run computes.
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
            // Names of references and places of objectives are the user's own.
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
