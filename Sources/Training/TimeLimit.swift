import Checkpoints

/// `run.time_limit`: whether a run has to end now to be saved before it. All times are seconds of a monotonic clock, so that
/// setting the system's clock changes nothing.
struct TimeLimit {
    /// When the run must have ended.
    let end: Double
    /// Of the latest steps, without what was due after them: that can be put off.
    private var stepSeconds: [Double] = []
    /// What a checkpoint takes: the longest so far, at first an estimate.
    private(set) var saveSeconds: Double
    private var isSaveMeasured = false

    /// Steps that the longest is looked for among.
    private static let stepWindow = 20
    /// What ending takes besides: closing files, leaving MPI.
    private static let endingSeconds = 1.0

    /// - Parameters:
    ///   - start: of the process.
    ///   - checkpointByteCount: of all ranks together.
    init(seconds: Double, start: Double, checkpointByteCount: Int) {
        end = start + seconds
        saveSeconds = Double(checkpointByteCount) / cautiousDiskRate
    }

    mutating func addStep(seconds: Double) { stepSeconds = (stepSeconds + [seconds]).suffix(TimeLimit.stepWindow) }

    mutating func addSave(seconds: Double) {
        saveSeconds = isSaveMeasured ? max(saveSeconds, seconds) : seconds
        isSaveMeasured = true
    }

    /// Whether there is no time for another step as long as the longest of the latest, and a checkpoint.
    func isReached(at now: Double) -> Bool { mustSave(at: now + (stepSeconds.max() ?? 0)) }

    /// Whether there is no time for an export, which is written as fast as a checkpoint and no larger, and a checkpoint.
    func mayNotExport(at now: Double) -> Bool { mustSave(at: now + saveSeconds) }

    /// Whether there is only time for a checkpoint.
    func mustSave(at now: Double) -> Bool { now + saveSeconds + TimeLimit.endingSeconds >= end }
}
