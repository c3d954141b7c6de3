/// What a rank does outside of operations with others: told by the trainer, read by whoever asks why ranks wait.
public struct RankActivity: Equatable, Sendable {
    /// What goes on for long.
    public enum Stage: Int, Sendable {
        case starting, loading, training, stepEdge, evaluating, saving, exporting, ending

        var words: String {
            switch self {
            case .starting: "starting"
            case .loading: "loading models"
            case .training: "training"
            case .stepEdge: "at a step's edge"
            case .evaluating: "evaluating"
            case .saving: "saving a checkpoint"
            case .exporting: "exporting"
            case .ending: "ending"
            }
        }
    }

    /// A part of a step or of an evaluation.
    public enum Phase: Int, Sendable {
        case between, data, reference, forward, backward, optimizer

        var words: String? {
            switch self {
            case .between: nil
            case .data: "reading data"
            case .reference: "reference"
            case .forward: "forward"
            case .backward: "backward"
            case .optimizer: "optimizer"
            }
        }
    }

    var stage = Stage.starting
    /// Nil outside of steps.
    var step: Int?
    var phase = Phase.between
    /// Counted from 1; nil outside of micro-batches.
    var microBatch: (number: Int, count: Int)?
    /// When the stage, or the step, and the phase began: nanoseconds of the monotonic clock.
    var stageBegin = 0
    var phaseBegin = 0

    /// Steps that were done.
    var stepsDone: Int { stage == .training ? (step ?? 1) - 1 : step ?? 0 }

    /// "step 12, backward, micro-batch 3 of 4".
    var words: String {
        var parts = [step.map { stage == .training ? "step \($0)" : "\(stage.words) after step \($0)" } ?? stage.words]
        if let phase = phase.words { parts.append(phase) }
        if let microBatch, phase != .between { parts.append("micro-batch \(microBatch.number) of \(microBatch.count)") }
        return parts.joined(separator: ", ")
    }

    public static func == (one: RankActivity, other: RankActivity) -> Bool {
        one.words == other.words && one.stageBegin == other.stageBegin && one.phaseBegin == other.phaseBegin
    }

    // MARK: Telling

    /// This rank begins `stage`; `step` is the one that it trains, or after which it does something else.
    public static func begin(_ stage: Stage, step: Int? = nil) { OperationLog.own?.begin(stage, step: step) }

    /// A piece of what `stage` is about is done: a rank that waits for it does not wait in vain. Any thread may say so.
    public static func goOn(_ stage: Stage) { OperationLog.own?.goOn(stage) }

    /// This rank begins `phase`; returns the one before.
    @discardableResult
    public static func begin(_ phase: Phase) -> Phase { OperationLog.own?.begin(phase) ?? .between }

    /// This rank begins a micro-batch, the `number`-th (from 1) of `count`; 0 of 0: it is done with them.
    public static func begin(microBatch number: Int, of count: Int) {
        OperationLog.own?.begin(microBatch: number, of: count)
    }
}
