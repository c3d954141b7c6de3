import Kernels

/// An objective's result for one micro-batch.
public struct ObjectiveResult: Sendable {
    /// Sum of losses over the micro-batch's pairs or tokens.
    public var lossSum: Double
    public var gradients: ObjectiveGradients
    /// One for each of `metricNames`.
    public var metrics: [MetricSum]

    public init(lossSum: Double, gradients: ObjectiveGradients, metrics: [MetricSum]) {
        self.lossSum = lossSum
        self.gradients = gradients
        self.metrics = metrics
    }
}
