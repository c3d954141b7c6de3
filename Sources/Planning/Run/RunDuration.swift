import Checkpoints
import Runs
import Settings
import Stepping

/// How long a whole run takes, by its plan: all steps, and what is done between them.
public struct RunDuration: Equatable, Sendable {
    /// Optimizer steps of the run.
    public let steps: Int
    /// Seconds of all steps together.
    public let training: Double
    /// Seconds of all passes over the validation data.
    public let evaluation: Double
    /// Seconds in which checkpoints and exports are written.
    public let saving: Double

    public var total: Double { training + evaluation + saving }

    /// Seconds to give a scheduler: a quarter more than expected and five minutes to load and to end, in whole steps of five
    /// minutes, of half an hour from two hours on.
    public var suggestedLimit: Double {
        let wanted = 1.25 * total + 300
        let unit = wanted < 7200 ? 300.0 : 1800.0
        return (wanted / unit).rounded(.up) * unit
    }
}

extension RunPlan {
    /// Of the whole run; nil without a machine's rates. A save is counted as long as its writing takes, though steps mostly go
    /// on beside it.
    public var duration: RunDuration? {
        guard let first = seconds() else { return nil }
        let later = shape.references.contains(where: \.isCached) ? seconds(isCached: true)! : first
        let training = Double(course.firstEpochSteps) * first.total + Double(course.totalSteps - course.firstEpochSteps) * later.total
        // An evaluation is a step without backward and update.
        let forward = first[.reference] + first[.forward] + first[.head] + first[.data]
        let evaluation = tokens > 0 ? forward / tokens * Double(course.evaluationTokens * course.evaluationCount) : 0
        let checkpoints =
            course.checkpointEvery.map { course.totalSteps / $0 }
            ?? course.checkpointMinutes.map { Int((training + evaluation) / (60 * $0)) } ?? 0
        let bytes = Double(checkpoints) * stateByteCount + Double(course.exportCount) * course.exportByteCount
        return RunDuration(
            steps: course.totalSteps, training: training, evaluation: evaluation, saving: bytes / cautiousDiskRate)
    }

    /// Of a checkpoint: values and two moments of all tensor ranks.
    private var stateByteCount: Double {
        memory.indices.reduce(0) { $0 + shape.stateBytes(tensorRank: $1) } * Double(shape.layout.data)
    }
}
