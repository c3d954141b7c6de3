import Foundation
import Stepping

/// The time that a run has taken: in this process, and in earlier processes up to their last checkpoints.
package struct RunClock {
    /// Start of this process, in seconds of `Stopwatch.now`.
    let start: Double
    /// Seconds that the run had taken at the checkpoint from which it resumed.
    package var earlierSeconds = 0.0

    package init(start: Double) { self.start = start }

    /// Seconds since the run began.
    package var elapsed: Double { earlierSeconds + Stopwatch.now - start }

    package var moment: Moment { Moment(time: Date(), elapsedSeconds: elapsed) }
}
