import BasicContainers
import Collectives
import Tensors

/// Adds the gradients of all data ranks, in buckets of one flat block of memory.
struct GradientReduction {
    /// 16 MiB of floats: large enough for the network's full rate, small enough to start early.
    static let bucketLimit = 1 << 22

    /// Every rank's `gradients` become the sum over `group`. All buckets are started before the first is waited for.
    static func run(_ gradients: Matrix, over group: any ProcessGroup) throws(CollectiveError) {
        guard group.size > 1 else { return }
        var pending = UniqueArray<PendingCollective>()
        var start = 0
        while start < gradients.columnCount {
            let end = min(start + bucketLimit, gradients.columnCount)
            pending.append(try group.startSum(gradients.columns(start..<end)))
            start = end
        }
        while !pending.isEmpty { try pending.removeLast().wait() }
    }
}
