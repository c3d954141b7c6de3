import Costs
import Foundation
import Settings

extension RunPlan {
    /// Refuses a run that a node has no memory for, and says what would fit: the first change of the layout that helps.
    func checkMemory(place: String) throws(Failure) {
        let needed = bytesOfNode
        guard needed > Double(nodeByteCount) else { return }
        let largest = memory.flatMap(\.items).max { $0.byteCount < $1.byteCount }!
        let ranks = min(shape.ranksPerNode, shape.layout.rankCount)
        throw .configuration(
            place,
            "the layout \(shape.layout) needs \(gibibytes(needed)) on a node of \(ranks == 1 ? "1 rank" : "\(ranks) ranks"), and it has "
                + "\(gibibytes(Double(nodeByteCount))); the largest part of a rank's is \(largest.kind.name), \(gibibytes(largest.byteCount))",
            remedy: remedy ?? "No number of ranks helps: choose a smaller model or shorter micro-batches.")
    }

    private func gibibytes(_ byteCount: Double) -> String { String(format: "%.1f GiB", byteCount / 0x1p30) }

    private func fits(_ shape: RunShape, _ needs: MemoryNeeds) -> Bool {
        RunPlan.bytesOfNode(shape, needs) <= Double(nodeByteCount)
    }

    /// From what changes least to what costs most; nodes are doubled at last, with all else as it was.
    private var remedy: String? {
        var shape = shape
        var keys: [String] = []
        if shape.layout.data > 1, shape.zero == .nothing {
            shape.zero = .optimizerState
            keys.append("parallel.zero: 1")
            if fits(shape, needs) { return fitting(keys) }
        }
        for (recompute, name) in [(Recomputation.attention, "attention"), (.block, "block")] where shape.recompute == .nothing {
            var changed = shape
            changed.recompute = recompute
            if fits(changed, needs) { return fitting(keys + ["schedule.recompute: \(name)"]) }
        }
        shape.recompute = .block
        let most = shape.policy.keyValueHeadCount
        for tensor in (shape.layout.tensor + 1)...max(most, shape.layout.tensor + 1)
        where tensor <= most && shape.layout.rankCount.isMultiple(of: tensor) {
            var changed = shape
            changed.layout = ParallelLayout(data: shape.layout.rankCount / tensor, tensor: tensor)
            if changed.layout.data == 1 { changed.zero = .nothing }
            if fits(changed, needs) { return fitting(keys + ["schedule.recompute: block", "parallel.tensor: \(tensor)"]) }
        }
        var ranks = self.shape.ranksPerNode / 2
        while ranks >= 1 {
            var changed = self.shape
            changed.ranksPerNode = ranks
            if fits(changed, needs) {
                return "It fits on \(changed.nodeCount) nodes of \(ranks == 1 ? "1 rank" : "\(ranks) ranks") each (--nodes \(changed.nodeCount))."
            }
            ranks /= 2
        }
        return nil
    }

    private func fitting(_ keys: [String]) -> String { "It fits with \(keys.joined(separator: ", "))." }
}

extension RankMemory.Kind {
    public var name: String {
        switch self {
        case .weights: "weights"
        case .gradients: "gradients"
        case .moments: "moments"
        case .checkpoint: "checkpoint, mapped"
        case .reference(let name): "reference \(name)"
        case .activations: "activations"
        case .export: "export"
        case .caches: "cached reference values"
        case .kernels: "kernels' scratch"
        case .program: "program"
        }
    }
}
