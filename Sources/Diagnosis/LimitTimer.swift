import CThreads
import Foundation
import Settings
import Synchronization

/// Measures how long a rank's operation and its step have lasted. Time in which this process was stopped or the machine
/// slept does not count.
struct LimitTimer {
    private var operation = (begin: 0, seconds: 0.0)
    private var step = (begin: 0, seconds: 0.0)
    private var lastLook: Double?

    /// A limit that was passed.
    struct Passed: Equatable {
        let words: String
        let isOfStep: Bool
    }

    /// - Parameter now: seconds of a monotonic clock.
    mutating func passed(_ limits: Watchdog.Limits, _ record: RankRecord, now: Double) -> Passed? {
        // `passed` is called every quarter of a second. A much longer gap means that this process did not run.
        let gone = min(now - (lastLook ?? now), 1)
        lastLook = now
        // The end of MPI also counts as an operation of all ranks. So does writing a checkpoint, whose time starts again
        // with each piece.
        let isOfAll = record.activity.stage == .ending || record.activity.stage == .saving
        let current = record.current?.begin ?? (isOfAll ? record.activity.stageBegin : 0)
        operation = current == operation.begin ? (current, operation.seconds + gone) : (current, 0)
        let stepBegin = record.activity.stage == .training ? record.activity.stageBegin : 0
        step = stepBegin == step.begin ? (stepBegin, step.seconds + gone) : (stepBegin, 0)
        if let limit = limits.collective, current > 0, operation.seconds > limit {
            return Passed(words: "run.collective_timeout is \(LimitTimer.shown(limit)) s", isOfStep: false)
        }
        if let limit = limits.step, stepBegin > 0, step.seconds > limit {
            return Passed(words: "run.step_timeout is \(LimitTimer.shown(limit)) s", isOfStep: true)
        }
        return nil
    }

    private static func shown(_ seconds: Double) -> String { String(format: "%g", seconds) }
}
