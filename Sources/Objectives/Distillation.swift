import Kernels
import Settings
import Tensors

/// Distillation from frozen teachers (Hinton et al., arXiv:1503.02531; generalised Jensen–Shannon divergence as in
/// Agarwal et al., arXiv:2306.13649). At every counted token, the student's distribution over the vocabulary moves towards
/// each teacher's distribution. The step's loss is the mean over these tokens.
///
/// A token that two sequences share (a pair's prompt, when all tokens count) counts once for each sequence.
public struct Distillation: Objective {
    public let teachers: [(name: String, weight: Double)]
    public let divergence: Divergence
    public let tokens: ScoredTokens
    /// A second term, on hidden states, and its weight.
    public let states: StateMatching?
    public let stateWeight: Double

    public init(
        teachers: [(name: String, weight: Double)], kind: Divergence.Kind = .forwardKL, temperature: Double = 1,
        temperatureSquared: Bool = true, tokens: ScoredTokens = .completion, states: StateMatching? = nil,
        stateWeight: Double = 1
    ) {
        self.teachers = teachers
        divergence = Divergence(
            kind, teachers: teachers, temperature: temperature, temperatureSquared: temperatureSquared)
        self.tokens = tokens
        self.states = states
        self.stateWeight = stateWeight
    }

    public init(_ settings: DistillationSettings) {
        self.init(
            teachers: settings.teachers.map { ($0.name, $0.weight) }, kind: Divergence.Kind(settings.divergence),
            temperature: settings.temperature, temperatureSquared: settings.temperatureSquared,
            tokens: settings.tokens, states: settings.hiddenStates.map(StateMatching.init),
            stateWeight: settings.hiddenStates?.weight ?? 0)
    }

    public var name: String { "distillation" }
    public var datasetKinds: Set<DatasetKind> { [.text, .preference] }
    public var terms: [RowTerm] { [.distribution(divergence)] + (states.map { [.states($0)] } ?? []) }

    /// `kl`: forward divergence of the student from the teachers at the loss's temperature, without factors, averaged over
    /// teachers by weight. `ce`: −log p(target) at temperature 1. `teacher_agreement`: student and teacher have the same most
    /// probable token.
    public var metricNames: [String] {
        Metric.allCases.filter { $0 != .states || states != nil }.map(\.rawValue)
    }

    private enum Metric: String, CaseIterable {
        case divergence = "kl"
        case teacherEntropy = "teacher_entropy"
        case crossEntropy = "ce"
        case agreement = "teacher_agreement"
        case entropy
        case accuracy = "mean_token_accuracy"
        case states = "hidden_states"
    }

    public func count(_ records: [RecordLayout]) -> Int { records.ranges(tokens).reduce(0) { $0 + $1.count } }

    public func evaluate(_ batch: ScoredRecords) -> ObjectiveResult {
        var result = ObjectiveResult(
            lossSum: 0, gradients: gradients(batch.records, rowCount: batch.policy.count),
            metrics: MetricSums(metricNames))
        for rows in batch.records.ranges(tokens) {
            for row in rows {
                result.lossSum += batch.terms[0].losses[row]
                if states != nil { result.lossSum += stateWeight * batch.terms[1].losses[row] }
                addMetrics(batch, row, to: &result.metrics)
            }
        }
        return result
    }

    public func constantGradients(_ records: [RecordLayout], rowCount: Int) -> ObjectiveGradients? {
        gradients(records, rowCount: rowCount)
    }

    private func gradients(_ records: [RecordLayout], rowCount: Int) -> ObjectiveGradients {
        let zeros = [Double](repeating: 0, count: rowCount)
        var gradients = ObjectiveGradients(targets: zeros, terms: terms.map { _ in zeros })
        for row in records.ranges(tokens).joined() {
            gradients.terms[0][row] = 1
            if states != nil { gradients.terms[1][row] = stateWeight }
        }
        return gradients
    }

    private func addMetrics(_ batch: ScoredRecords, _ row: Int, to metrics: inout MetricSums) {
        let distributions = batch.terms[0].rows[row].references
        let whole = teachers.reduce(0) { $0 + $1.weight }
        func mean(_ value: (ReferenceRow) -> Double) -> Double {
            zip(teachers, distributions).reduce(0) { $0 + $1.0.weight * value($1.1) } / whole
        }
        metrics.add(mean(\.forwardDivergence), to: Metric.divergence)
        metrics.add(mean(\.entropy), to: Metric.teacherEntropy)
        metrics.add(-batch.policy[row], to: Metric.crossEntropy)
        metrics.add(mean { $0.mostProbable == batch.mostProbable[row] ? 1 : 0 }, to: Metric.agreement)
        metrics.add(batch.entropies[row], to: Metric.entropy)
        metrics.add(batch.hits[row] ? 1 : 0, to: Metric.accuracy)
        if states != nil { metrics.add(batch.terms[1].losses[row], to: Metric.states) }
    }
}

extension Divergence.Kind {
    init(_ settings: DistillationDivergence) {
        switch settings {
        case .forwardKL: self = .forwardKL
        case .reverseKL: self = .reverseKL
        case .jensenShannon(let beta): self = .jensenShannon(beta: beta)
        }
    }
}

extension StateMatching {
    init(_ settings: HiddenStateSettings) {
        self.init(
            reference: settings.teacher,
            layers: settings.layers.map { Layers(policy: $0.student, reference: $0.teacher) },
            measure: settings.loss == .cosine ? .cosine : .meanSquaredError)
    }
}
