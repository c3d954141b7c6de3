import Kernels

/// An objective's result for one micro-batch.
public struct ObjectiveResult: Sendable {
    /// Sum of losses over the micro-batch's pairs or tokens.
    public var lossSum: Double
    public var gradients: ObjectiveGradients
    /// Of the objective's `metricNames`.
    public var metrics: MetricSums

    public init(lossSum: Double, gradients: ObjectiveGradients, metrics: MetricSums) {
        self.lossSum = lossSum
        self.gradients = gradients
        self.metrics = metrics
    }
}
