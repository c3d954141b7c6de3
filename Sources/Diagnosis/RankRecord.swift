import Dispatch

/// The record that one rank of a node has written about itself.
struct RankRecord: Sendable {
    var rank: Int
    var process: Int32
    var isEnded = false
    var state = ProcessState.running
    var activity = RankActivity()
    /// For each group, the number of operations that the rank has begun.
    var begun: [Int: Int] = [:]
    /// The latest first.
    var operations: [Operation] = []

    /// The operation that the rank is in.
    var current: Operation? { operations.first.flatMap { $0.end == nil ? $0 : nil } }
}
