import Kernels
import Model
import Settings

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
    private static let hugePageBytes = 2.0 * 0x1p20

    /// - Parameter tensorRank: whose shard.
    public func memory(_ needs: MemoryNeeds, tensorRank: Int) -> RankMemory {
        let shards = ModelShards(policy, size: layout.tensor)
        let (tokens, rows) = (Double(needs.fullest.tokens), Double(needs.fullest.scoredRows))
        let trained = trainedBytes(shards, tensorRank: tensorRank)
        var items: [(kind: RankMemory.Kind, byteCount: Double)] = [
            (.weights, trained.weights), (.gradients, trained.gradients), (.moments, trained.moments),
            (.checkpoint, Double(needs.checkpointByteCount) * shards.touchedFraction(rank: tensorRank)),
        ]
        // A huge page that is touched is resident as a whole: behind a matrix that is not full, half of one on average.
        let unused = max(0, Double(needs.reservedTokens ?? needs.fullest.tokens) - tokens)
        let slack = shards.trainableWidths(rank: tensorRank, recompute).reduce(0) { $0 + min(4 * $1 * unused, RunShape.hugePageBytes / 2) }
        var activations = activationFloats(shards, tokens: tokens, rows: rows, tensorRank: tensorRank) + slack / 4
        var kernels = kernelFloats(shards, needs.fullest, tensorRank: tensorRank)
        for reference in references {
            let own = reference.shards(in: layout)
            let rank = tensorRank % own.sharding.size
            items.append((.reference(reference.name), Double(reference.storedByteCount) * own.touchedFraction(rank: rank)))
            activations += reference.activationFloats(own, tokens: tokens, rank: rank)
            // Gate and up are upcast together, and so are query, key and value.
            if reference.isWidened {
                kernels += 2 * own.largestMatrix(rank: rank) + Double(Head.upcastFloatCount(width: reference.model.hiddenSize))
            }
        }
        let cached = RunShape.Reference.cachedBytesPerRow * needs.cachedRowCount + MemoryNeeds.bytesPerCachedRecord * needs.cachedRecordCount
        items += [
            (.activations, 4 * activations), (.export, exportBytes(tensorRank: tensorRank)),
            (.caches, Double(references.filter(\.isCached).count * cached)), (.kernels, 4 * kernels),
            (.program, Double(needs.processBytes + threads * needs.threadBytes + (layout.rankCount > 1 ? needs.messagingBytes : 0))),
        ]
        return RankMemory(items: items.filter { $0.byteCount > 0 })
    }
}
