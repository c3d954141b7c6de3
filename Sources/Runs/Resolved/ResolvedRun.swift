import Costs
import Datasets
import Model
import Objectives
import References
import Settings
import Stepping
import Tensors

/// A configuration checked against everything that it names: models, datasets, and the number of ranks.
///
/// Every rank makes it before MPI starts, so a mistake is reported in one line before any work begins.
public struct ResolvedRun {
    public private(set) var configuration: RunConfiguration
    public let layout: ParallelLayout
    public let policy: ModelOrigin
    /// In the order of the configuration.
    public let references: [(settings: ReferenceSettings, origin: ModelOrigin)]
    /// For references with layouts of their own.
    public let placements: [String: ReferencePlacement]
    public let objectives: [WeightedObjective]
    /// Number of tokens that the policy and every teacher share; the policy's vocabulary if there is no teacher.
    public let sharedVocabulary: Int
    /// Notes for the user on how models and tokenizers are read, each once.
    public private(set) var notices: [String] = []
    /// Nil for an evaluation.
    public let training: DatasetFile?
    public let validation: [(name: String, file: DatasetFile)]
    /// Whether this node has memory for the copy of the state that a checkpoint thread writes. Otherwise steps wait for the
    /// checkpoint.
    public private(set) var hasRoomForSnapshots = true
    /// Bytes that the rank with the largest need allocates for itself.
    public private(set) var rankByteCount = 0.0

    public enum Purpose: Sendable {
        case training
        case evaluation
    }

    /// - Parameters:
    ///   - checkpoint: a folder to evaluate instead of the configuration's model.
    ///   - objectives: custom losses instead of the configuration's.
    ///   - ranksOnNode: how many of the `rankCount` ranks share this node's memory; by default all.
    ///   - availableMemory: memory of a node, in bytes, against which the run is checked. Default: this node's memory, and
    ///     this process's own limit.
    public init(
        _ configuration: RunConfiguration, rankCount: Int, purpose: Purpose, checkpoint: String? = nil,
        objectives: [WeightedObjective]? = nil, ranksOnNode: Int? = nil,
        availableMemory: Int? = nil
    ) throws(Failure) {
        layout = try configuration.parallel.layout(rankCount: rankCount, file: configuration.file)
        if let checkpoint {
            policy = try ModelOrigin(checkpoint: checkpoint)
        } else {
            policy = try ModelOrigin(configuration.model, seed: configuration.run.seed, place: configuration.file)
        }
        var references: [(settings: ReferenceSettings, origin: ModelOrigin)] = []
        for settings in configuration.references {
            references.append((settings, try ModelOrigin(checkpoint: settings.checkpoint)))
        }
        self.references = references
        var placements: [String: ReferencePlacement] = [:]
        for settings in configuration.references {
            placements[settings.name] = try settings.placement(policy: layout, file: configuration.file)
        }
        self.placements = placements
        let objectives = objectives ?? configuration.objectives.map(WeightedObjective.init)
        self.objectives = objectives
        let shared = try ResolvedRun.sharedVocabulary(policy, references, objectives, place: configuration.file)
        sharedVocabulary = shared.size
        let training = purpose == .training ? try DatasetFile(path: configuration.trainFile()) : nil
        self.training = training
        self.configuration = configuration
        var validation: [(name: String, file: DatasetFile)] = []
        for file in configuration.data.validation { validation.append((file.name, try DatasetFile(path: file.path))) }
        self.validation = validation
        note(policy.notices + references.flatMap(\.origin.notices) + shared.notices)
        try check(purpose)
        if let training { try self.configuration.schedule.chooseBatch(for: training, place: configuration.file) }
        let (available, limit) = (availableMemory ?? MemoryForecast.availableByteCount(), ProcessLimit.tightest())
        var shape = RunShape(self, ranksPerNode: ranksOnNode ?? rankCount, threads: configuration.run.threads ?? 1)
        if purpose == .evaluation { shape.frozenPolicyByteCount = policy.storedByteCount }
        let forecast = try MemoryForecast.check(
            shape, tokensPerMicroBatch: largestMicroBatch,
            cachedRows: training == nil ? [] : cachedReferences.map { ($0, certainRowCount) }, available: available,
            limit: availableMemory == nil ? limit : nil, place: configuration.file)
        rankByteCount = forecast.rankByteCount
        hasRoomForSnapshots =
            forecast.byteCount + forecast.snapshotByteCount <= Double(available)
            && forecast.rankByteCount + forecast.snapshotByteCount <= Double(limit?.rest ?? Int.max)
    }

    /// Packs records according to the schedule.
    public var packer: MicroBatchPacker {
        MicroBatchPacker(
            tokensPerMicroBatch: configuration.schedule.tokensPerMicroBatch, prefixSharing: configuration.schedule.prefixSharing,
            scoring: scoredTokens, lengthLimit: lengthLimit)
    }

    /// The longest sequence that has the same angles in every model whatever its length; nil: no angle depends on it.
    private var lengthLimit: Int? {
        ([policy] + references.map(\.origin)).compactMap(\.configuration.lengthLimit).min()
    }

    /// The largest possible number of tokens in a micro-batch. A dataset may have fewer tokens than the schedule allows.
    public var largestMicroBatch: Int {
        let tokens = (validation.map(\.file) + [training].compactMap(\.self)).map(\.tokenCount).max() ?? 0
        return min(configuration.schedule.tokensPerMicroBatch, tokens)
    }

    /// Every file and folder that the run reads.
    public var inputs: [String] {
        var inputs = ([policy] + references.map(\.origin)).compactMap { $0.folder ?? $0.tokenizerFolder }
        if case .random(.file(let path), _) = configuration.model { inputs.append(path) }
        inputs += ([training].compactMap(\.self) + validation.map(\.file)).map(\.path)
        return inputs + [configuration.file]
    }

    /// The rows that the head must score for all objectives.
    public var scoredTokens: ScoredTokens { objectives.contains { $0.objective.tokens == .all } ? .all : .completion }

    /// Whether all objectives know their gradients before any probability of `batch`. If so, its head runs forward and
    /// backward at once.
    public func knowsGradients(of batch: MicroBatch) -> Bool {
        objectives.allSatisfy { $0.objective.constantGradients(batch.records, rowCount: batch.rows.count) != nil }
    }

    /// The values that the objectives read from the reference `name`.
    public func needs(ofReference name: String) -> ReferenceNeeds {
        var needs = ReferenceNeeds()
        for entry in objectives {
            if entry.objective.references.contains(name) { needs.logProbabilities = true }
            for term in entry.objective.terms {
                switch term {
                case .distribution(let loss): if loss.references.contains(name) { needs.distributions = true }
                case .states(let matching):
                    if matching.reference == name { needs.layers.formUnion(matching.layers.map(\.reference)) }
                }
            }
        }
        return needs
    }

    /// - Throws: `Failure` (configuration) if the tokens of a teacher or another reference differ from the policy's.
    private static func sharedVocabulary(
        _ policy: ModelOrigin, _ references: [(settings: ReferenceSettings, origin: ModelOrigin)],
        _ objectives: [WeightedObjective], place: String
    ) throws(Failure) -> (size: Int, notices: [String]) {
        var size = policy.configuration.vocabularySize
        var notices: [String] = []
        for reference in references {
            let isTeacher = objectives.flatMap(\.objective.terms).contains { term in
                guard case .distribution(let loss) = term else { return false }
                return loss.references.contains(reference.settings.name)
            }
            let place = "\(place): references.\(reference.settings.name).checkpoint"
            if isTeacher {
                size = min(size, try SharedVocabulary.size(student: policy, teacher: reference.origin, place: place))
                continue
            }
            notices += try SharedVocabulary.check(policy: policy, reference: reference.origin, place: place)
        }
        return (size, notices)
    }

    private mutating func note(_ more: [String]) { for notice in more where !notices.contains(notice) { notices.append(notice) } }

    private mutating func check(_ purpose: Purpose) throws(Failure) {
        let file = configuration.file
        if purpose == .training { try configuration.parallel.checkZero(in: layout, file: file) }
        try layout.check(against: policy.configuration, named: policy.name, place: file)
        for reference in references {
            let place = "\(file): references.\(reference.settings.name)"
            let (own, model) = (placements[reference.settings.name]?.layout, reference.origin)
            try (own ?? layout).check(
                against: model.configuration, named: model.name, place: place,
                key: own == nil ? "parallel.tensor" : "layout.tensor")
        }
        try checkMatchedLayers()
        try checkCaches()
        if purpose == .evaluation && validation.isEmpty {
            throw .configuration(
                "\(file): data.validation", "is missing", remedy: "Name the dataset to evaluate on.")
        }
        note(try checkTokenizer())
        if let training { try check(training, key: "data.train") }
        for entry in validation { try check(entry.file, key: "data.validation") }
    }

    /// Refuses hidden-state matching with a block that one of the models does not have.
    private func checkMatchedLayers() throws(Failure) {
        for case .states(let matching) in objectives.flatMap(\.objective.terms) {
            guard let teacher = references.first(where: { $0.settings.name == matching.reference })?.origin else { continue }
            for layers in matching.layers {
                for (layer, model) in [(layers.policy, policy), (layers.reference, teacher)]
                where layer >= model.configuration.layerCount {
                    throw .configuration(
                        "\(configuration.file): objective.hidden_states.layers",
                        "asks for layer \(layer) of \(model.name), which has \(model.configuration.layerCount)",
                        remedy: "Layers are counted from 0: the last one is \(model.configuration.layerCount - 1).")
                }
            }
        }
    }

    private func check(_ dataset: DatasetFile, key: String) throws(Failure) {
        for objective in objectives.map(\.objective) where !objective.datasetKinds.contains(dataset.kind) {
            let needed = objective.datasetKinds.map(\.rawValue).sorted().joined(separator: " or ")
            throw .configuration(
                "\(configuration.file): \(key)",
                "\(dataset.path) holds \(dataset.kind.rawValue) records, the \(objective.name) objective needs \(needed)",
                remedy: "Choose the objective that fits the data, or prepare other data.")
        }
        for model in [policy] + references.map(\.origin) { try dataset.checkRecords(fit: model) }
    }
}

extension DatasetFile {
    /// Refuses token ids without an embedding in `model`, and lengths beyond its positions.
    ///
    /// - Throws: `Failure` (damaged data) naming the first such record.
    package func checkRecords(fit model: ModelOrigin) throws(Failure) {
        try checkTokens(below: model.configuration.vocabularySize, model: model.name)
        let limit = model.configuration.positionLimit
        for record in 0..<recordCount where positionCount(of: record) > limit {
            throw .damaged(
                "\(path): record \(record)", "\(positionCount(of: record)) positions, more than the \(limit) of \(model.name)",
                remedy: "Prepare it again with --max-length \(limit).")
        }
    }
}

extension WeightedObjective {
    init(_ settings: ObjectiveSettings) {
        switch settings.kind {
        case .languageModeling: self.init(LanguageModeling(), weight: settings.weight)
        case .preference(let preference): self.init(DirectPreference(preference), weight: settings.weight)
        case .distillation(let distillation): self.init(Distillation(distillation), weight: settings.weight)
        }
    }
}

extension ScheduleSettings {
    /// Chooses the unit of a step (pairs or tokens) by the data, if the configuration gives none.
    mutating func chooseBatch(for dataset: DatasetFile, place: String) throws(Failure) {
        switch (dataset.kind, batch) {
        case (.preference, nil): batch = .defaultPairs
        case (.text, nil): batch = .defaultTokens
        case (.text, .pairs):
            throw .configuration(
                "\(place): schedule.pairs_per_step", "counts pairs, but \(dataset.path) holds text records",
                remedy: "Give schedule.tokens_per_step instead.")
        case (.preference, .tokens), (.preference, .pairs), (.text, .tokens): break
        }
    }
}
