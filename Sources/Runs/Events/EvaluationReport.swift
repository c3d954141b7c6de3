import Stepping

/// The report of one pass over a validation dataset after `step` updates. Names of figures begin with `eval_`.
public struct EvaluationReport: Sendable {
    public let step: Int
    public let dataset: String
    public let figures: [Figure]
    /// The time at which the pass ended.
    public let moment: Moment
    /// Mean −log p of the predicted tokens, in nats; nil if no objective gives it.
    package let negativeLogLikelihood: Double?

    package init(step: Int, dataset: String, figures: [Figure], moment: Moment, negativeLogLikelihood: Double?) {
        self.step = step
        self.dataset = dataset
        self.figures = figures
        self.moment = moment
        self.negativeLogLikelihood = negativeLogLikelihood
    }

    public subscript(name: String) -> Double? { figures.first { $0.name == name }?.value }
}
