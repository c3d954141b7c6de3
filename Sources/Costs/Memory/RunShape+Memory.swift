import Kernels
import Model
import Settings

// T tokens of a micro-batch, U of them scored; D model width, V' vocabulary rows and G key/value heads of a rank, E head
// dimension, n data ranks.

/// What each part of a run takes on one tensor rank. These functions are the only place that knows: `RankMemory` lists all
/// parts of a rank, and `MemoryForecast` sums the certain parts over the ranks of a node.
extension RunShape {
    /// Bytes per parameter of the two moments, 4 bytes each. With ZeRO a data rank has its shard only.
    var momentBytesPerParameter: Double { 8 / Double(zero == .optimizerState ? layout.data : 1) }

    /// Bytes per parameter of a checkpoint: the value and two moments.
    static let savedBytesPerParameter = 12.0

    /// Bytes of values, gradients and moments of a policy that is trained.
    func trainedBytes(_ shards: ModelShards, tensorRank: Int) -> (weights: Double, gradients: Double, moments: Double) {
        let parameters = shards.parameterCount(rank: tensorRank)
        return (4 * parameters, 4 * parameters, momentBytesPerParameter * parameters)
    }

    /// Floats of the policy's activations. A micro-batch has `tokens` tokens, `rows` of which are scored.
    func activationFloats(_ shards: ModelShards, tokens: Double, rows: Double, tensorRank: Int) -> Double {
        guard frozenPolicyByteCount == nil else { return tokens * shards.frozenFloatsPerToken(rank: tensorRank) }
        return tokens * shards.trainableWidths(rank: tensorRank, recompute).reduce(0, +) + rows * shards.scoredFloatsPerRow
    }

    /// Floats of the kernels' memory: the head, attention, and buckets of gradients on their way.
    func kernelFloats(_ shards: ModelShards, _ workload: StepWorkload, tensorRank: Int) -> Double {
        let head = Head.scratchFloatCount(
            rowCount: workload.scoredRows, columnCount: shards.sharding.vocabularyRows[tensorRank].count, width: policy.hiddenSize,
            modelCount: 1 + references.filter(\.teaches).count, threadCount: threads, keepsLogits: keepsLogits)
        return Double(head) + attentionFloats(shards, workload, tensorRank: tensorRank) + bucketFloats(shards, tensorRank: tensorRank)
    }

    /// Packed keys and values `[T, E]` of each group, and the partial gradients of keys and values of segments that several
    /// tasks compute.
    private func attentionFloats(_ shards: ModelShards, _ workload: StepWorkload, tensorRank: Int) -> Double {
        let partialRows = workload.segments.reduce(0.0) {
            $0 + Double(AttentionPlan.partialRowCount(queries: $1.queries, prefix: $1.prefix, visiblePairs: $1.visiblePairs))
        }
        let columns = shards.sharding.keyValueHeads[tensorRank].count * policy.headDimension
        return Double(columns) * (Double(AttentionPlan.packedForms * workload.tokens) + 2 * partialRows)
    }

    /// Exchanges of buckets that are under way at a time, of n − 1 parts each.
    private func bucketFloats(_ shards: ModelShards, tensorRank: Int) -> Double {
        guard layout.data > 1 else { return 0 }
        let partition = FlatPartition(count: Int(shards.parameterCount(rank: tensorRank)), rankCount: layout.data)
        return Double(FlatPartition.exchangesUnderWay * partition.bucketCount) * Double(layout.data - 1) / Double(layout.data)
    }

    /// Bytes of the largest matrix, which the first rank gathers from its shards before it is written.
    func exportBytes(tensorRank: Int) -> Double {
        guard layout.tensor > 1, tensorRank == 0 else { return 0 }
        return 4 * Double(policy.hiddenSize * max(policy.vocabularySize, policy.feedForwardSize))
    }

    /// Bytes of a checkpoint's file: values and both moments of this rank's shard. While the rank writes them beside the
    /// steps, it holds at most as much once more.
    public func stateBytes(tensorRank: Int) -> Double {
        RunShape.savedBytesPerParameter * ModelShards(policy, size: layout.tensor).parameterCount(rank: tensorRank)
            / Double(layout.data)
    }
}

extension RunShape.Reference {
    /// Bytes per prediction whose log-probability is kept.
    static let cachedBytesPerRow = 8

    /// Shards in the reference's own layout, or in `layout`, the policy's.
    func shards(in layout: ParallelLayout) -> ModelShards { ModelShards(model, size: (placement?.layout ?? layout).tensor) }

    /// Floats of the activations of `tokens` tokens on a rank of `shards`.
    func activationFloats(_ shards: ModelShards, tokens: Double, rank: Int) -> Double {
        tokens * shards.frozenFloatsPerToken(rank: rank)
    }
}
