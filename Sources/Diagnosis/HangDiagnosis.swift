import Foundation
import Settings

/// Finds the rank that makes the others wait, from the records of a node's ranks. A pure value: it reads nothing itself.
package struct HangDiagnosis {
    /// The records of this node's ranks.
    let records: [RankRecord]
    let hosts: RankHosts
    /// For each group of the asking process, its world ranks.
    let members: [Int: [Int]]
    /// Nanoseconds of the monotonic clock.
    let now: Int

    /// Why a rank makes no progress.
    enum Cause: Equatable {
        /// A rank whose process has stopped or ended.
        case halted(rank: Int)
        /// Two ranks are in different operations that have the same number in their group.
        case mismatch(Int, Operation, Int, Operation)
        /// Ranks wait for each other in a ring: each is in an operation that the next rank has not begun.
        case ring([Int])
        /// The rank has not begun the operation and waits for nobody. Or it computes, while a started operation waits for
        /// its MPI calls.
        case late(rank: Int, Operation)
        /// All ranks of this node have begun the operation; the listed ranks are on other nodes.
        case elsewhere(ranks: [Int], Operation)
        /// All ranks of the group have begun the operation.
        case unended(Operation)
        /// The rank waits for nobody.
        case itself
    }

    private func record(_ rank: Int) -> RankRecord? { records.first { $0.rank == rank } }

    /// The rank whose waiting explains the passed limit of `rank`. A rank that has reached the end of MPI waits for the
    /// ranks that are still in an operation.
    func waitingRank(for rank: Int) -> Int {
        guard record(rank)?.activity.stage == .ending else { return rank }
        return records.first { $0.current != nil }?.rank ?? rank
    }

    /// Why `rank` makes no progress.
    func cause(of rank: Int) -> Cause {
        if let halted = records.first(where: { $0.rank != rank && $0.state.isHalted }) {
            return .halted(rank: halted.rank)
        }
        var visited: [Int] = []
        var waiting = rank
        while let operation = record(waiting)?.current {
            if let start = visited.firstIndex(of: waiting) { return .ring(Array(visited[start...])) }
            visited.append(waiting)
            if let other = mismatch(of: operation, at: waiting) {
                return .mismatch(waiting, operation, other.rank, other.operation)
            }
            let missing = missingRanks(operation, waiting)
            guard let next = missing.here.first(where: { record($0)?.current == nil }) ?? missing.here.first else {
                return missing.elsewhere.isEmpty ? .unended(operation) : .elsewhere(ranks: missing.elsewhere, operation)
            }
            guard record(next)?.current != nil else { return .late(rank: next, operation) }
            waiting = next
        }
        return .itself
    }

    /// The ranks that `rank` waits for in `operation`: ranks of this node that have not begun it, and ranks of other nodes,
    /// whose records this node can't read.
    private func missingRanks(_ operation: Operation, _ rank: Int) -> (here: [Int], elsewhere: [Int]) {
        let known = members[operation.group] ?? records.filter { $0.begun[operation.group] != nil }.map(\.rank)
        if operation.kind.isBetweenTwo {
            guard let peer = operation.peer, known.indices.contains(peer) else { return ([], []) }
            return record(known[peer]) == nil ? ([], [known[peer]]) : ([known[peer]], [])
        }
        let others = known.filter { $0 != rank }
        let late = others.filter { record($0).map { ($0.begun[operation.group] ?? 0) < operation.number } ?? false }
        // A started operation progresses only while all ranks call MPI: a computing rank holds it up.
        let computing = operation.isWait ? others.filter { record($0).map { !$0.isEnded && $0.current == nil } ?? false } : []
        return (late.isEmpty ? computing : late, others.filter { record($0) == nil })
    }

    /// A rank that has a different operation under the same number of the same group.
    private func mismatch(of operation: Operation, at rank: Int) -> (rank: Int, operation: Operation)? {
        guard !operation.kind.isBetweenTwo else { return nil }
        for other in records where other.rank != rank {
            let same = other.operations.first {
                $0.group == operation.group && $0.number == operation.number && !$0.kind.isBetweenTwo
            }
            if let same, !same.matches(operation) { return (other.rank, same) }
        }
        return nil
    }

    // MARK: Words

    /// The failure that a user reads.
    ///
    /// - Parameters:
    ///   - rank: the rank that has waited too long, or has spent too long in a step.
    ///   - limit: the passed limit in words: "run.collective_timeout is 1,800 s".
    func failure(_ cause: Cause, of rank: Int, limit: String) -> Failure {
        switch cause {
        case .halted(let halted): return tryAgain(halted, "\(what(halted)). \(waiting(limit: limit))")
        case .mismatch(let one, let first, let other, let second):
            return mismatch(one, first, other, second)
        case .ring(let ranks):
            let parts = ranks.map { "rank \($0) is in \(record($0)?.current?.words ?? "")" }
            return Failure(
                place(rank), "ranks wait for each other: \(HangDiagnosis.list(parts))",
                remedy: "This is a fault in the order of operations: please report it.", exitCode: .internal)
        case .late(let late, let operation):
            let hasBegun = record(late).map { ($0.begun[operation.group] ?? 0) >= operation.number } ?? false
            // A started operation progresses only while all ranks call MPI.
            let verb = hasBegun && !operation.kind.isBetweenTwo ? "holds up" : "has not reached"
            return tryAgain(late, "\(verb) \(operation.words): \(what(late)). \(waiting(limit: limit))")
        case .elsewhere(let ranks, let operation):
            let places = ranks.prefix(8).map(place) + (ranks.count > 8 ? ["\(ranks.count - 8) more"] : [])
            return tryAgain(
                rank,
                "has waited in \(operation.words) for \(seconds(since: operation.begin)) (\(limit)): all ranks of its node have "
                    + "reached it, nothing is known about \(HangDiagnosis.list(places))")
        case .unended(let operation):
            return tryAgain(
                rank,
                "has waited in \(operation.words) for \(seconds(since: operation.begin)) (\(limit)): all ranks have reached it, but "
                    + "the network or MPI does not end it")
        case .itself: return tryAgain(rank, "\(what(rank)) (\(limit))")
        }
    }

    private func tryAgain(_ rank: Int, _ reason: String) -> Failure {
        Failure(place(rank), reason, remedy: Watchdog.remedy, exitCode: .tryAgain)
    }

    private func mismatch(_ one: Int, _ first: Operation, _ other: Int, _ second: Operation) -> Failure {
        HangDiagnosis.mismatch(one, first, other, second, place: place(one))
    }

    package static func mismatch(_ one: Int, _ first: Operation, _ other: Int, _ second: Operation, place: String) -> Failure {
        Failure(
            place,
            "calls \(first.work) as operation #\(Operation.grouped(first.number)) over \(first.groupName), but rank \(other) calls "
                + "\(second.work)",
            remedy: "Ranks must call the same operations in the same order: please report it.", exitCode: .internal)
    }

    /// The mismatch failure of two ranks, if the current operation of `rank` shows one.
    func mismatchFailure(of rank: Int) -> Failure? {
        guard let operation = record(rank)?.current, let other = mismatch(of: operation, at: rank) else { return nil }
        return mismatch(rank, operation, other.rank, other.operation)
    }

    private func place(_ rank: Int) -> String { "rank \(rank) (\(hosts[rank]))" }

    /// "is stopped by a signal (SIGSTOP) or a debugger, in step 3, backward, for 61 s".
    private func what(_ rank: Int) -> String {
        guard let record = record(rank) else { return "is not known here" }
        let doing = doing(record)
        switch record.state {
        case .stopped: return "is stopped by a signal (SIGSTOP) or a debugger, \(doing)"
        case .waitingForDisk: return "waits for a disk or a network file system, \(doing)"
        case .dead: return "has ended, \(doing)"
        case .running: return "is \(doing)"
        }
    }

    private func doing(_ record: RankRecord) -> String {
        let activity = record.activity
        if let operation = record.current {
            let place = operation.isWait ? "waiting for the end of" : "in"
            return "\(place) \(operation.words) for \(seconds(since: operation.begin)), in \(activity.words)"
        }
        let begin = max(activity.phaseBegin, activity.stageBegin)
        return "in \(activity.words), for \(seconds(since: begin))"
    }

    /// "Ranks 0 and 2 have waited for 60 s (run.collective_timeout is 30 s)".
    private func waiting(limit: String) -> String {
        let waiting = records.filter { $0.current != nil && $0.state == .running }
        guard let longest = waiting.compactMap({ $0.current?.begin }).min() else { return "A limit has passed (\(limit))" }
        let ranks = waiting.map { "\($0.rank)" }
        let subject = ranks.count == 1 ? "Rank \(ranks[0]) has" : "Ranks \(HangDiagnosis.list(ranks)) have"
        return "\(subject) waited for \(seconds(since: longest)) (\(limit))"
    }

    private func seconds(since begin: Int) -> String {
        let seconds = Double(max(0, now - begin)) * 1e-9
        return seconds < 10 ? "\((seconds * 10).rounded() / 10) s" : "\(Operation.grouped(Int(seconds))) s"
    }

    static func list(_ parts: [String]) -> String {
        guard parts.count > 1 else { return parts.first ?? "" }
        return parts.dropLast().joined(separator: ", ") + " and " + parts.last!
    }

    /// One line for each rank of the node, followed by its last operations.
    func table(operations limit: Int = 3) -> [String] {
        records.flatMap { record -> [String] in
            let head = "rank \(record.rank)  process \(record.process)  \(record.isEnded ? "ended" : record.state.word)  \(doing(record))"
            return [head]
                + record.operations.dropFirst(record.current == nil ? 0 : 1).prefix(limit).map { operation in
                    let lasted = Double((operation.end ?? now) - operation.begin) * 1e-9
                    let ended = operation.end.map { "ended \(seconds(since: $0)) ago" } ?? "not ended"
                    return "    \(operation.isWait ? "wait for " : "")\(operation.words): took \((lasted * 1e4).rounded() / 1e4) s, \(ended)"
                }
        }
    }
}

extension ProcessState {
    var isHalted: Bool {
        switch self {
        case .stopped, .dead: true
        case .running, .waitingForDisk: false
        }
    }
}
