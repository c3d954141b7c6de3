import Datasets
import Model
import Objectives
import Settings

/// A configuration that was checked against everything it names: models, datasets, and the number of ranks.
///
/// Made by every rank before MPI starts, so that a mistake is told in one line and nothing has begun.
public struct ResolvedRun {
    public let configuration: RunConfiguration
    public let layout: ParallelLayout
    public let policy: ModelOrigin
    /// In the configuration's order.
    public let references: [(settings: ReferenceSettings, origin: ModelOrigin)]
    public let objective: any Objective
    public let objectiveWeight: Double
    /// Nil for an evaluation.
    public let training: DatasetFile?
    public let validation: [(name: String, file: DatasetFile)]

    public enum Purpose: Sendable {
        case training
        case evaluation
    }

    /// - Parameters:
    ///   - checkpoint: a folder to evaluate instead of the configuration's model.
    ///   - objective: a loss of your own in place of the configuration's.
    public init(
        _ configuration: RunConfiguration, rankCount: Int, purpose: Purpose, checkpoint: String? = nil,
        objective: (any Objective)? = nil
    ) throws(Failure) {
        self.configuration = configuration
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
        self.objective = objective ?? ResolvedRun.objective(configuration.objectives[0].kind)
        objectiveWeight = configuration.objectives[0].weight
        training = purpose == .training ? try DatasetFile(path: configuration.trainFile()) : nil
        var validation: [(name: String, file: DatasetFile)] = []
        for file in configuration.data.validation { validation.append((file.name, try DatasetFile(path: file.path))) }
        self.validation = validation
        try check(purpose)
    }

    /// Every file and folder that the run reads.
    public var inputs: [String] {
        ([policy] + references.map(\.origin)).compactMap(\.folder) + ([training].compactMap(\.self) + validation.map(\.file)).map(\.path)
    }

    private static func objective(_ kind: ObjectiveKind) -> any Objective {
        switch kind {
        case .languageModeling: LanguageModeling()
        case .preference(let settings): DirectPreference(settings)
        }
    }

    private func check(_ purpose: Purpose) throws(Failure) {
        let file = configuration.file
        try layout.check(against: policy.configuration, named: policy.name, place: file)
        for reference in references {
            let place = "\(file): references.\(reference.settings.name)"
            try layout.check(against: reference.origin.configuration, named: reference.origin.name, place: place)
            let (ours, theirs) = (policy.configuration.vocabularySize, reference.origin.configuration.vocabularySize)
            guard ours == theirs else {
                throw .configuration(
                    "\(place).checkpoint", "vocabulary of \(theirs) tokens, but the policy \(policy.name) has \(ours)",
                    remedy: "Policy and reference must share one tokenizer: name checkpoints of the same vocabulary.")
            }
        }
        if purpose == .evaluation && validation.isEmpty {
            throw .configuration(
                "\(file): data.validation", "is missing", remedy: "Name the dataset to evaluate on.")
        }
        try checkTokenizer()
        if let training { try check(training, key: "data.train") }
        for entry in validation { try check(entry.file, key: "data.validation") }
    }

    private func check(_ dataset: DatasetFile, key: String) throws(Failure) {
        guard dataset.kind.rawValue == objective.recordKind.rawValue else {
            throw .configuration(
                "\(configuration.file): \(key)",
                "\(dataset.path) holds \(dataset.kind.rawValue) records, the objective needs \(objective.recordKind.rawValue)",
                remedy: "Choose the objective that fits the data, or prepare other data.")
        }
        try dataset.checkRecords(fit: policy)
    }
}

extension DatasetFile {
    /// Refuses token ids and lengths that `model` has no embedding or no position for.
    ///
    /// - Throws: `Failure` (damaged data) naming the first such record.
    func checkRecords(fit model: ModelOrigin) throws(Failure) {
        try checkTokens(below: model.configuration.vocabularySize, model: model.name)
        let limit = model.configuration.maximumPositions
        for record in 0..<recordCount where positionCount(of: record) > limit {
            throw .damaged(
                "\(path): record \(record)", "\(positionCount(of: record)) positions, more than the \(limit) of \(model.name)",
                remedy: "Prepare it again with --max-length \(limit).")
        }
    }
}
