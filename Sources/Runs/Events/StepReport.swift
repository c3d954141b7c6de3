import Stepping

/// The report of one optimizer step. Its figures cover all ranks and micro-batches.
public struct StepReport: Sendable {
    public let step: Int
    public let totalSteps: Int
    /// `loss` is the loss of this step, before its update.
    public let figures: [Figure]
    /// The time at which the step ended.
    public let moment: Moment

    package init(step: Int, totalSteps: Int, figures: [Figure], moment: Moment) {
        self.step = step
        self.totalSteps = totalSteps
        self.figures = figures
        self.moment = moment
    }

    public subscript(name: String) -> Double? { figures.first { $0.name == name }?.value }
}
