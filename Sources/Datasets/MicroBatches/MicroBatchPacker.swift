import Settings
import Tensors

/// Packs a rank's records into micro-batches of a bounded number of tokens.
public struct MicroBatchPacker: Equatable, Sendable {
    /// The most tokens on the axis of one micro-batch. Only a single longer record exceeds it.
    public let tokensPerMicroBatch: Int
    /// Whether a pair's prompt is computed once for both completions.
    public let prefixSharing: Bool
    public let scoring: ScoredTokens
    /// The longest sequence with the usual rotary angles, if the angles of longer ones depend on their length: the smallest
    /// limit of all models that compute the micro-batches. A pair with a longer sequence shares its prompt only if both
    /// sequences have the same length, because the prompt's tokens need one angle each.
    public let lengthLimit: Int?

    public init(
        tokensPerMicroBatch: Int, prefixSharing: Bool, scoring: ScoredTokens = .completion, lengthLimit: Int? = nil
    ) {
        invariant(tokensPerMicroBatch > 0, "a micro-batch has room for tokens")
        self.scoring = scoring
        self.lengthLimit = lengthLimit
        self.tokensPerMicroBatch = tokensPerMicroBatch
        self.prefixSharing = prefixSharing
    }

    /// Tokens of a record on the axis.
    public func axisTokenCount(of record: Int, in file: DatasetFile) -> Int {
        let lengths = file.lengths(of: record)
        return prefixSharing && lengths.canSharePrompt(lengthLimit: lengthLimit) ? lengths.stored : lengths.sequences
    }

    /// Fills micro-batches in order: a record that does not fit into the current micro-batch begins the next one. A record
    /// longer than the limit gets a micro-batch of its own. Reads no tokens.
    ///
    /// - Parameter lengths: returns the tokens of a record on the axis.
    public func plan(records: [Int], lengths: (Int) -> Int) -> MicroBatchPlan {
        var plan = MicroBatchPlan()
        var room = 0
        for record in records {
            let length = lengths(record)
            if length > tokensPerMicroBatch { plan.oversized.append(record) }
            if length <= room {
                plan.microBatches[plan.microBatches.count - 1].append(record)
            } else {
                plan.microBatches.append([record])
                room = tokensPerMicroBatch
            }
            room -= length
        }
        return plan
    }

    /// `plan(records:lengths:)` with the lengths of the records in `file`.
    public func plan(records: [Int], in file: DatasetFile) -> MicroBatchPlan {
        plan(records: records) { axisTokenCount(of: $0, in: file) }
    }

    /// Reads the tokens of `records` and lays them out in that order.
    ///
    /// - Throws: `Failure` (damaged data) when the file can't be read.
    public func assemble(_ records: [Int], from file: DatasetFile) throws(Failure) -> MicroBatch {
        var ids: [(record: Int, ids: DatasetRecord)] = []
        for record in records { ids.append((record, try file.record(record))) }
        return MicroBatch(ids, prefixSharing: prefixSharing, scoring: scoring, lengthLimit: lengthLimit)
    }
}
