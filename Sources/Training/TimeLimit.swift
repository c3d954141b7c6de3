import Checkpoints

/// `run.time_limit`: decides whether the run must stop now, so that a checkpoint can be saved in time. All times are
/// seconds of a monotonic clock, so changes of the system time have no effect.
struct TimeLimit {
    /// The time at which the run must have ended.
    let end: Double
    /// Seconds of the latest steps, without the work after them (evaluation, export, checkpoint), which can be postponed.
    private var stepSeconds: [Double] = []
    /// Seconds for a checkpoint: the longest so far, before that an estimate.
    private(set) var saveSeconds: Double
    private var isSaveMeasured = false

    /// Number of recent steps among which the longest counts.
    private static let stepWindow = 20
    /// Seconds for the rest of the end: closing files, leaving MPI.
    private static let endingSeconds = 1.0

    /// - Parameters:
    ///   - start: start of the process.
    ///   - checkpointByteCount: bytes of all ranks together.
    init(seconds: Double, start: Double, checkpointByteCount: Int) {
        end = start + seconds
        saveSeconds = Double(checkpointByteCount) / cautiousDiskRate
    }

    mutating func addStep(seconds: Double) { stepSeconds = (stepSeconds + [seconds]).suffix(TimeLimit.stepWindow) }

    mutating func addSave(seconds: Double) {
        saveSeconds = isSaveMeasured ? max(saveSeconds, seconds) : seconds
        isSaveMeasured = true
    }

    /// Whether there is no time left for another step (as long as the longest recent step) and a checkpoint.
    func isReached(at now: Double) -> Bool { mustSave(at: now + (stepSeconds.max() ?? 0)) }

    /// Whether there is no time left for an export and a checkpoint. An export is not larger than a checkpoint and is
    /// written as fast.
    func mayNotExport(at now: Double) -> Bool { mustSave(at: now + saveSeconds) }

    /// Whether there is no time left for anything but a checkpoint.
    func mustSave(at now: Double) -> Bool { now + saveSeconds + TimeLimit.endingSeconds >= end }
}
