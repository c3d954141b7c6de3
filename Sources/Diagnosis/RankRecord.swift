import Dispatch

/// What one rank of a node has written of itself.
struct RankRecord: Sendable {
    var rank: Int
    var process: Int32
    var isEnded = false
    var state = ProcessState.running
    var activity = RankActivity()
    /// Of each of its groups, how many operations it has begun.
    var begun: [Int: Int] = [:]
    /// The latest first.
    var operations: [Operation] = []

    /// The operation that it is in.
    var current: Operation? { operations.first.flatMap { $0.end == nil ? $0 : nil } }
}
