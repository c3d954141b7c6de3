import Costs
import Kernels
import Model
import Settings

// T tokens of the fullest micro-batch, U of them scored, R predictions; D model width, V' vocabulary rows and G key/value
// heads of a rank, E head dimension, P parameters of a rank, n data ranks.

/// The most memory that one rank has resident, by what it is for.
public struct RankMemory: Equatable, Sendable {
    public enum Kind: Hashable, Sendable {
        case weights, gradients, moments
        /// The policy's checkpoint, mapped while it was read: pages that the system may drop.
        case checkpoint
        /// Weights, mapped or copied once for a node's ranks.
        case reference(String)
        case activations
        /// The largest matrix whole, of tensor ranks' shards: at the run's end.
        case export
        case caches
        /// Tiles of logits, packed keys, widened weights, and buckets under way.
        case kernels
        case program

        /// All ranks of a node see the same pages.
        public var isShared: Bool {
            switch self {
            case .checkpoint, .reference: true
            default: false
            }
        }
    }

    /// Bytes, in the order in which a person reads them; what takes nothing is left out.
    public let items: [(kind: Kind, byteCount: Double)]
    public var byteCount: Double { items.reduce(0) { $0 + $1.byteCount } }

    public static func == (one: RankMemory, other: RankMemory) -> Bool {
        one.items.elementsEqual(other.items) { $0 == $1 }
    }

    public subscript(kind: Kind) -> Double { items.first { $0.kind == kind }?.byteCount ?? 0 }
}

extension RunShape {
    /// - Parameter tensorRank: whose shard.
    public func memory(_ needs: MemoryNeeds, tensorRank: Int) -> RankMemory {
        let shards = ModelShards(policy, size: layout.tensor)
        let parameters = shards.parameterCount(rank: tensorRank)
        let (tokens, rows) = (Double(needs.fullest.tokens), Double(needs.fullest.scoredRows))
        var items: [(kind: RankMemory.Kind, byteCount: Double)] = [
            (.weights, 4 * parameters), (.gradients, 4 * parameters),
            (.moments, 8 * parameters / Double(zero == .optimizerState ? layout.data : 1)),
            (.checkpoint, Double(needs.checkpointByteCount) * shards.touchedFraction(rank: tensorRank)),
        ]
        let widths = shards.trainableWidths(rank: tensorRank, recompute)
        // A huge page that is touched is there whole: behind a matrix that is not full, half of one on average.
        let unused = max(0, Double(needs.reservedTokens ?? needs.fullest.tokens) - tokens)
        let slack = widths.reduce(0) { $0 + min(4 * $1 * unused, RunShape.hugePageBytes / 2) } / 4
        var activations = tokens * widths.reduce(0, +) + rows * shards.scoredFloatsPerRow + slack
        var kernels = kernelFloats(needs.fullest, tensorRank: tensorRank)
        for reference in references {
            let size = (reference.placement?.layout ?? layout).tensor
            let own = ModelShards(reference.model, size: size)
            let rank = tensorRank % size
            items.append((.reference(reference.name), Double(reference.storedByteCount) * own.touchedFraction(rank: rank)))
            activations += tokens * own.frozenFloatsPerToken(rank: rank)
            // Gate and up are widened together, and so are query, key and value; of the head a tile.
            if reference.isWidened { kernels += 2 * own.largestMatrix(rank: rank) + 2048 * Double(reference.model.hiddenSize) }
        }
        let caches = references.filter(\.isCached).count * (8 * needs.cachedRowCount + 40 * needs.cachedRecordCount)
        items += [
            (.activations, 4 * activations), (.export, exportBytes(tensorRank: tensorRank)), (.caches, Double(caches)), (.kernels, 4 * kernels),
            (.program, Double(needs.processBytes + threads * needs.threadBytes + (layout.rankCount > 1 ? needs.messagingBytes : 0))),
        ]
        return RankMemory(items: items.filter { $0.byteCount > 0 })
    }

    /// Of a checkpoint's file: values and both moments of this rank's shard. A rank holds as much once more, at most, while it
    /// writes them beside the steps.
    public func stateBytes(tensorRank: Int) -> Double {
        12 * ModelShards(policy, size: layout.tensor).parameterCount(rank: tensorRank) / Double(layout.data)
    }

    private static let hugePageBytes = 2.0 * 0x1p20

    /// The first rank puts a matrix together from its shards before it is written.
    private func exportBytes(tensorRank: Int) -> Double {
        guard layout.tensor > 1, tensorRank == 0 else { return 0 }
        return 4 * Double(policy.hiddenSize * max(policy.vocabularySize, policy.feedForwardSize))
    }

    private func kernelFloats(_ workload: StepWorkload, tensorRank: Int) -> Double {
        let sharding = ModelSharding(policy, size: layout.tensor)
        return headFloats(rows: workload.scoredRows, vocabulary: sharding.vocabularyRows[tensorRank].count)
            + attentionFloats(workload, groups: sharding.keyValueHeads[tensorRank].count) + bucketFloats(tensorRank: tensorRank)
    }

    /// With panels `[P, V']` logits of each model and 16 shares `[P, D]`; else a tile `[2048, 2048]` of gradients, and of
    /// each thread one `[256, 2048]` of each model.
    private func headFloats(rows: Int, vocabulary: Int) -> Double {
        let models = Double(1 + references.filter(\.teaches).count)
        guard keepsLogits else {
            return Double(min(rows, 2048) * 2048) + models * Double(threads * min(rows, 256) * 2048)
        }
        let panel = Head.panels(rowCount: rows, columnCount: vocabulary).map(\.count).max() ?? 0
        return Double(panel * (vocabulary + vocabulary / 64)) * models + Double(16 * panel * policy.hiddenSize)
    }

    /// Keys and values packed in three forms `[T, E]`, and what the tasks of a cut unit hold of its keys' gradients.
    private func attentionFloats(_ workload: StepWorkload, groups: Int) -> Double {
        let partial = workload.segments.reduce(0.0) { sum, segment in
            let tasks = min(16, segment.visiblePairs / (1 << 16))
            // The i-th of k tasks sees i/k of the queries' keys, and all of the prefix.
            return tasks < 2 ? sum : sum + 2 * Double(segment.queries * (tasks + 1) / 2 + tasks * segment.prefix)
        }
        return Double(groups * policy.headDimension) * (3 * Double(workload.tokens) + partial)
    }

    /// Four exchanges under way, of n − 1 parts each.
    private func bucketFloats(tensorRank: Int) -> Double {
        guard layout.data > 1 else { return 0 }
        let parameters = ModelShards(policy, size: layout.tensor).parameterCount(rank: tensorRank)
        let bucket = min(max(parameters / 16, Double(1 << 14)), Double(1 << 20))
        return 4 * bucket * Double(layout.data - 1) / Double(layout.data)
    }
}

extension ModelShards {
    /// The part of the model's bytes whose pages a tensor rank reads. Of a matrix that is cut by columns these are all.
    func touchedFraction(rank: Int) -> Double {
        let touched = table.specifications.reduce(0.0) { sum, specification in
            let part = specification.part(sharding, rank: rank)
            return sum + Double(part.rows.count * specification.columnCount)
        }
        let whole = table.specifications.reduce(0.0) { $0 + Double($1.rowCount * $1.columnCount) }
        return touched / whole
    }
}
