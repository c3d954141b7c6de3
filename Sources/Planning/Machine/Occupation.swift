import Kernels

/// How much of a node computes at once.
public struct Occupation: Equatable, Sendable {
    /// Threads of all ranks of the node.
    public let busy: Int
    public let cores: Int

    public init(busy: Int, cores: Int) {
        self.busy = busy
        self.cores = cores
    }

    /// Of a core's time a thread's part, where there are more threads than cores.
    var share: Double { min(1, Double(cores) / Double(busy)) }
    /// 0 for one busy core, 1 for all of them.
    var crowding: Double { cores == 1 ? 1 : Double(min(busy, cores) - 1) / Double(cores - 1) }
}
