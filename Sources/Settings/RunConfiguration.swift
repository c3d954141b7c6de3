import Foundation

/// The configuration of a run as plain values: the model, the data, the training, and the place of the results.
///
/// `docs/configuration.md` describes the configuration file.
public struct RunConfiguration: Equatable, Sendable {
    /// The configuration file, for errors.
    public var file: String
    public var model: ModelSource
    /// The frozen models, in the file's order. Each one is used by an objective.
    public var references: [ReferenceSettings]
    public var data: DataSettings
    /// The objectives, in the file's order. Training minimises their weighted sum. At least one; at most one is a preference
    /// objective.
    public var objectives: [ObjectiveSettings]
    public var parallel: ParallelSettings
    public var schedule: ScheduleSettings
    public var optimizer: OptimizerSettings
    public var evaluation: EvaluationSettings
    public var export: ExportSettings
    public var run: RunSettings

    public init(
        file: String, model: ModelSource, references: [ReferenceSettings] = [], data: DataSettings,
        objectives: [ObjectiveSettings], parallel: ParallelSettings = ParallelSettings(), schedule: ScheduleSettings,
        optimizer: OptimizerSettings, evaluation: EvaluationSettings = EvaluationSettings(),
        export: ExportSettings = ExportSettings(), run: RunSettings
    ) {
        self.file = file
        self.model = model
        self.references = references
        self.data = data
        self.objectives = objectives
        self.parallel = parallel
        self.schedule = schedule
        self.optimizer = optimizer
        self.evaluation = evaluation
        self.export = export
        self.run = run
    }

    /// Reads a YAML file.
    ///
    /// - Parameter overrides: each is `key.path=value`, as for `--set`; the value is YAML. They apply in order.
    /// - Throws: `Failure`: missing input for a file that can't be opened; damaged data for a file that is not regular or too
    ///   large; configuration for a wrong setting; usage for an override that is not `key.path=value`.
    public static func load(path: String, overrides: [String] = []) throws(Failure) -> RunConfiguration {
        try RunConfiguration(yaml: try text(ofFile: path), file: path, overrides: overrides)
    }

    /// Reads YAML text. Errors name it `file`.
    public init(yaml: String, file: String, overrides: [String] = []) throws(Failure) {
        guard var tree = try YAMLComposer.compose(yaml, place: file, origin: .file) else {
            throw .configuration(file, "is empty", remedy: "Write its sections as docs/configuration.md describes them.")
        }
        guard case .mapping = tree.content else {
            throw .configuration(
                file, "holds \(tree.shown), not sections",
                remedy: "Write its sections as docs/configuration.md describes them.")
        }
        for override in overrides { try tree.apply(override: override) }
        let root = try Section(
            tree, path: "", title: "the configuration", file: file, keys: RunConfiguration.sectionKeys.map(\.section))
        try self.init(root)
    }

    /// The training file.
    ///
    /// - Throws: `Failure` (configuration) if the configuration names none.
    public func trainFile() throws(Failure) -> String {
        guard let train = data.train else {
            throw .configuration(
                "\(file): data.train", "is missing", remedy: "Name the dataset that `tandem prepare` wrote.")
        }
        return train
    }

    /// The configuration as YAML with every default written out. Reading it gives an equal value.
    public func resolvedYAML() -> String {
        var sections: [(String, WrittenYAML)] = [("model", model.written)]
        if !references.isEmpty {
            sections.append(("references", .mapping(references.map { ($0.name, $0.written) })))
        }
        sections.append(("data", data.written))
        invariant(!objectives.isEmpty, "a configuration holds an objective")
        sections.append(
            ("objective", objectives.count == 1 ? objectives[0].written : .items(objectives.map(\.written))))
        sections += [
            ("parallel", parallel.written), ("schedule", schedule.written), ("optimizer", optimizer.written),
            ("evaluation", evaluation.written), ("export", export.written), ("run", run.written),
        ]
        return WrittenYAML.mapping(sections).document
    }

    /// The settings that decide the results of a run, as YAML. Left out are `evaluation`, `export`, `parallel`, `run` except
    /// its seed, validation files, recomputation, the step guard, and the layout and ranks of references. Two runs with the
    /// same text compute the same results up to rounding; in the same layout, the same bits.
    public var decisiveYAML: String {
        var copy = self
        copy.run = RunSettings(directory: "run", seed: run.seed)
        copy.evaluation = EvaluationSettings()
        copy.export = ExportSettings()
        copy.data.validation = []
        copy.schedule.recompute = .nothing
        copy.optimizer.stepGuard = StepGuardSettings()
        copy.parallel = ParallelSettings()
        for index in copy.references.indices {
            copy.references[index].layout = .same
            copy.references[index].ranks = nil
        }
        return copy.resolvedYAML()
    }
}

// MARK: - Reading

extension RunConfiguration {
    /// Every section and its keys. The keys of `references` are names of the user's choice.
    static let sectionKeys: [(section: String, keys: [String])] = [
        ("model", ModelSource.keys), ("references", []), ("data", DataSettings.keys),
        ("objective", ObjectiveSettings.keys), ("parallel", ParallelSettings.keys),
        ("schedule", ScheduleSettings.keys), ("optimizer", OptimizerSettings.keys),
        ("evaluation", EvaluationSettings.keys), ("export", ExportSettings.keys), ("run", RunSettings.keys),
    ]
    /// The inner keys of values that are mappings.
    static let nestedKeys: [(section: String, key: String, keys: [String])] = [
        ("model", "initialize_from", ModelSource.layerKeys), ("objective", "hidden_states", HiddenStateSettings.keys),
    ]

    private init(_ root: Section) throws(Failure) {
        let references = try ReferenceSettings.all(root)
        let objectives = try ObjectiveSettings.all(root, references: references.map(\.name))
        try ReferenceSettings.checkAllUsed(by: objectives, root)
        let data = try DataSettings(root.section("data", keys: DataSettings.keys))
        self.init(
            file: root.file,
            model: try ModelSource(root.section("model", keys: ModelSource.keys)),
            references: references,
            data: data,
            objectives: objectives,
            parallel: try ParallelSettings(root.section("parallel", keys: ParallelSettings.keys)),
            schedule: try ScheduleSettings(
                root.section("schedule", keys: ScheduleSettings.keys), objectives: objectives.map(\.kind)),
            optimizer: try OptimizerSettings(root.section("optimizer", keys: OptimizerSettings.keys)),
            evaluation: try EvaluationSettings(
                root.section("evaluation", keys: EvaluationSettings.keys), validation: data.validation),
            export: try ExportSettings(root.section("export", keys: ExportSettings.keys)),
            run: try RunSettings(root.section("run", keys: RunSettings.keys)))
    }

    /// The largest configuration that is read, in bytes.
    private static let byteLimit = 1 << 20

    private static func text(ofFile path: String) throws(Failure) -> String {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            throw .missing(path, "is a folder, not a configuration file", remedy: "Name the YAML file itself.")
        }
        let bytes = try InputFile.bytes(
            path: path, byteLimit: byteLimit, remedy: "Check the path of the configuration.")
        guard let text = String(validating: InputFile.withoutMark(bytes), as: UTF8.self) else {
            throw .configuration(path, "is not UTF-8 text", remedy: "Save it as UTF-8.")
        }
        return text
    }
}
