import Foundation

/// The time of an event.
public struct Moment: Equatable, Sendable {
    /// Wall-clock time.
    public let time: Date
    /// Seconds since the run began, over all its processes, by a monotonic clock. Pauses between processes don't count.
    public let elapsedSeconds: Double

    public init(time: Date, elapsedSeconds: Double) {
        self.time = time
        self.elapsedSeconds = elapsedSeconds
    }
}
