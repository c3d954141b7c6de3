import Settings
import Tensors

/// Packs a rank's records into micro-batches of a bounded number of tokens.
public struct MicroBatchPacker: Equatable, Sendable {
    /// Tokens on the axis of one micro-batch, at most; a single longer record goes over it.
    public let tokensPerMicroBatch: Int
    /// A pair's prompt is computed once for both completions.
    public let prefixSharing: Bool
    public let scoring: ScoredTokens

    public init(tokensPerMicroBatch: Int, prefixSharing: Bool, scoring: ScoredTokens = .completion) {
        invariant(tokensPerMicroBatch > 0, "a micro-batch has room for tokens")
        self.scoring = scoring
        self.tokensPerMicroBatch = tokensPerMicroBatch
        self.prefixSharing = prefixSharing
    }

    /// Tokens that a record takes on the axis.
    public func axisTokenCount(of record: Int, in file: DatasetFile) -> Int {
        prefixSharing ? file.tokenCount(of: record) : file.sequenceTokenCount(of: record)
    }

    /// Fills micro-batches in order: a record that does not fit into the current one begins the next. A record longer
    /// than the limit makes one of its own. Reads no tokens.
    ///
    /// - Parameter lengths: tokens of a record on the axis.
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

    /// `plan(records:lengths:)` with the lengths that the records have in `file`.
    public func plan(records: [Int], in file: DatasetFile) -> MicroBatchPlan {
        plan(records: records) { axisTokenCount(of: $0, in: file) }
    }

    /// Reads the tokens of `records` and lays them out in that order.
    ///
    /// - Throws: `Failure` (damaged data) when the file can't be read.
    public func assemble(_ records: [Int], from file: DatasetFile) throws(Failure) -> MicroBatch {
        var ids: [(record: Int, ids: DatasetRecord)] = []
        for record in records { ids.append((record, try file.record(record))) }
        return MicroBatch(ids, prefixSharing: prefixSharing, scoring: scoring)
    }
}
