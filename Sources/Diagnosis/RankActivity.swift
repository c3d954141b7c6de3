/// A rank's activity outside of operations with other ranks. The trainer writes it; the watchdog reads it to explain why
/// ranks wait.
public struct RankActivity: Equatable, Sendable {
    /// A long part of a run.
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
    /// The monotonic time, in nanoseconds, at which the stage or step began, and at which the phase began.
    var stageBegin = 0
    var phaseBegin = 0

    /// The number of finished steps.
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

    /// This rank begins `stage`. `step` is the step in training, or for other stages the last finished step.
    public static func begin(_ stage: Stage, step: Int? = nil) { OperationLog.own?.begin(stage, step: step) }

    /// A piece of the work of `stage` is done, so ranks that wait for this rank start their limit again. Any thread may
    /// call.
    public static func goOn(_ stage: Stage) { OperationLog.own?.goOn(stage) }

    /// This rank begins `phase`. Returns the previous phase.
    @discardableResult
    public static func begin(_ phase: Phase) -> Phase { OperationLog.own?.begin(phase) ?? .between }

    /// This rank begins micro-batch `number` (from 1) of `count`. 0 of 0 means that the micro-batches are done.
    public static func begin(microBatch number: Int, of count: Int) {
        OperationLog.own?.begin(microBatch: number, of: count)
    }
}
