import Stepping

/// One optimizer step: global figures, over all ranks and micro-batches.
public struct StepReport: Sendable {
    public let step: Int
    public let totalSteps: Int
    /// `loss` is this step's, before its update.
    public let figures: [Figure]
    /// When it ended.
    public let moment: Moment

    package init(step: Int, totalSteps: Int, figures: [Figure], moment: Moment) {
        self.step = step
        self.totalSteps = totalSteps
        self.figures = figures
        self.moment = moment
    }

    public subscript(name: String) -> Double? { figures.first { $0.name == name }?.value }
}
