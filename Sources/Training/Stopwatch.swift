import Collectives
import Dispatch
import Foundation

/// Where a step's time goes on this rank, in seconds; waiting in collectives is counted apart from the work around it.
public final class Stopwatch {
    public enum Section: String, CaseIterable, Sendable {
        case data, reference, forward, backward, communication, optimizer
    }

    private var seconds: [Section: Double] = [:]
    private let groups: [any ProcessGroup]

    init(_ mesh: Mesh) {
        // Axes of one rank are solo groups and wait for nothing.
        groups = [mesh.world, mesh.tensor, mesh.data]
    }

    func measure<Value, Failure: Error>(
        _ section: Section, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let start = Stopwatch.now
        let waitedBefore = waited
        defer {
            let waiting = waited - waitedBefore
            seconds[section, default: 0] += Stopwatch.now - start - waiting
            seconds[.communication, default: 0] += waiting
        }
        return try body()
    }

    /// The sections' seconds since the last call, in the order of `Section.allCases`.
    func take() -> [Double] {
        defer { seconds = [:] }
        return Section.allCases.map { seconds[$0] ?? 0 }
    }

    private var waited: Double { groups.reduce(0) { $0 + $1.secondsWaited } }

    /// Monotonic.
    static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }
}

/// The most memory this process has had resident, in bytes.
public func peakMemoryByteCount() -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
        let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return kibibytes * 1024
}
