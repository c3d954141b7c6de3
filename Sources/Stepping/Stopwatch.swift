import Collectives
import Diagnosis
import Dispatch
import Foundation
import Settings

/// Measures how this rank spends a step's time, in seconds. Time in collectives and in the policy's head is counted apart
/// from the section around it.
public final class Stopwatch {
    public enum Section: String, CaseIterable, Sendable {
        case data, reference, forward, head, backward, communication, optimizer

        /// The phase that other ranks read meanwhile.
        fileprivate var phase: RankActivity.Phase {
            switch self {
            case .data: .data
            case .reference: .reference
            case .forward, .head: .forward
            case .backward: .backward
            case .optimizer: .optimizer
            case .communication: .between
            }
        }
    }

    private var seconds: [Section: Double] = [:]
    /// Running totals of the time that is counted apart.
    private var counters: [(section: Section, total: () -> Double)]

    package init(_ mesh: Mesh) {
        // Axes of one rank are solo groups and never wait.
        let groups: [any ProcessGroup] = [mesh.world, mesh.tensor, mesh.data]
        counters = [(.communication, { groups.reduce(0) { $0 + $1.secondsWaited } })]
    }

    /// Waiting in `group` counts as communication from now on.
    func countWaiting(in group: any ProcessGroup) { countApart(.communication) { group.secondsWaited } }

    /// From now on the growth of `total` inside a measured section counts for `section` instead.
    func countApart(_ section: Section, total: @escaping () -> Double) { counters.append((section, total)) }

    package func measure<Value, Failure: Error>(
        _ section: Section, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let start = Stopwatch.now
        let totals = counters.map { $0.total() }
        let outer = RankActivity.begin(section.phase)
        defer {
            RankActivity.begin(outer)
            var rest = Stopwatch.now - start
            for (counter, before) in zip(counters, totals) {
                let grown = counter.total() - before
                seconds[counter.section, default: 0] += grown
                rest -= grown
            }
            seconds[section, default: 0] += rest
        }
        return try body()
    }

    /// The sections' seconds since the last call, in the order of `Section.allCases`.
    package func take() -> [Double] {
        defer { seconds = [:] }
        return Section.allCases.map { seconds[$0] ?? 0 }
    }

    /// Seconds of a monotonic clock, unaffected by changes of the system time.
    public static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }
}

/// The peak resident memory of this process, in bytes.
public func peakMemoryByteCount() -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
        let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return kibibytes * 1024
}
