import Collectives
import Dispatch
import Kernels

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
        return try mesh.world.allReduceMaximum([try budget.measure(body)])[0]
    }

    /// Seconds of `body` on the first rank, the others waiting.
    public func alone(_ body: () throws -> Void) throws -> Double {
        try mesh.world.barrier()
        return try mesh.world.allReduceMaximum([mesh.isFirst ? try budget.measure(body) : 0])[0]
    }
}
