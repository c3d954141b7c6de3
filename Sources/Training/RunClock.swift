import Foundation

/// How long a run has taken: this process, and those before it that saved checkpoints.
struct RunClock {
    /// When this process began, in seconds of `Stopwatch.now`.
    let start: Double
    /// What the run had taken when the checkpoint was saved that it goes on from.
    var earlierSeconds = 0.0

    init(start: Double) { self.start = start }

    /// In seconds.
    var elapsed: Double { earlierSeconds + Stopwatch.now - start }

    var moment: Moment { Moment(time: Date(), elapsedSeconds: elapsed) }
}
