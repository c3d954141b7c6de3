import Foundation

/// When something happened.
public struct Moment: Equatable, Sendable {
    /// By the clock on the wall.
    public let time: Date
    /// Since the run began, over all its processes, in seconds of a monotonic clock: pauses between processes don't count.
    public let elapsedSeconds: Double

    public init(time: Date, elapsedSeconds: Double) {
        self.time = time
        self.elapsedSeconds = elapsedSeconds
    }
}
