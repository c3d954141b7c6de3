import Collectives
import Dispatch
import Foundation
import Kernels

/// Monotonic seconds.
public func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }

public func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// How long a thing is repeated.
public struct TimingBudget: Codable, Sendable {
    /// Seconds of repetition for each thing.
    public var seconds: Double

    public init(quick: Bool) { seconds = quick ? 0.002 : 0.05 }

    public init(seconds: Double) { self.seconds = seconds }

    /// Seconds of one `body`: the median of its repetitions, three at least, after one that is not counted.
    public func measure(_ body: () throws -> Void) rethrows -> Double {
        try body()
        var times: [Double] = []
        let start = now()
        while times.count < 3 || (now() - start < seconds && times.count < 1000) {
            let before = now()
            try body()
            times.append(now() - before)
        }
        return median(times)
    }
}

/// Where things are timed: this rank's threads, and the other ranks, which do the same at the same time.
public struct Bench {
    public let mesh: Mesh
    public let workers: Workers
    public let budget: TimingBudget

    public init(mesh: Mesh, workers: Workers, budget: TimingBudget) {
        self.mesh = mesh
        self.workers = workers
        self.budget = budget
    }

    /// Cores that compute, over all ranks.
    public var coreCount: Int { mesh.world.size * workers.threadCount }

    /// Seconds of `body` on the slowest rank while all ranks do it.
    public func together(_ body: () throws -> Void) throws -> Double {
        try mesh.world.barrier()
        return try mesh.world.maximum([try budget.measure(body)])[0]
    }

    /// Seconds of `body` on the first rank, the others waiting.
    public func alone(_ body: () throws -> Void) throws -> Double {
        try mesh.world.barrier()
        return try mesh.world.maximum([mesh.isFirst ? try budget.measure(body) : 0])[0]
    }
}
