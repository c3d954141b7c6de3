import Foundation
import Stepping

/// How long a run has taken: this process, and those before it that saved checkpoints.
package struct RunClock {
    /// When this process began, in seconds of `Stopwatch.now`.
    let start: Double
    /// What the run had taken when the checkpoint was saved that it goes on from.
    package var earlierSeconds = 0.0

    package init(start: Double) { self.start = start }

    /// In seconds.
    package var elapsed: Double { earlierSeconds + Stopwatch.now - start }

    package var moment: Moment { Moment(time: Date(), elapsedSeconds: elapsed) }
}
