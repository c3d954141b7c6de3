import BasicContainers
import Collectives
import Kernels
import Model
import Settings
import Tensors

// n data ranks.

/// Sums the gradients over all data ranks, bucket by bucket, while backward still computes those of earlier layers.
///
/// A bucket takes three steps. An all-to-all gives each rank all ranks' gradients for its own part. The rank sums them in
/// rank order, so that the bits depend on n alone. An all-gather then gives the sums to all ranks, unless each rank updates
/// only its own shard. All-to-alls and all-gathers each have a group of their own. Every rank starts them in bucket order,
/// when its own backward gets there. Started operations progress between the tasks of backward's kernels
/// (`Workers.meanwhile`).
package final class GradientReduction {
    package let partition: FlatPartition
    private let gradients: Matrix
    private let exchanges: any ProcessGroup
    private let gathers: any ProcessGroup
    private let isGathered: Bool
    private let workers: Workers
    private let buckets: [Range<Int>]

    /// All-to-alls under way, the earliest first. Bucket b uses `received[b mod limit]`.
    private var exchanging = UniqueArray<PendingCollective>()
    private var gathering = UniqueArray<PendingCollective>()
    /// Numbers of buckets whose all-to-all was started, and whose parts were summed.
    private var startedCount = 0
    private var summedCount = 0
    /// The block's gradients are final from this offset on.
    private var finalOffset: Int
    /// `[n − 1, floats of a part]` for each all-to-all that can be under way at the same time.
    private let received: [Matrix]
    /// An error from `moveOn`, whose callers can't receive it.
    private var failure: CollectiveError?

    private var seconds = 0.0
    /// Seconds for a reduction of the full block without any computation beside it. Nil until measured, and with one data
    /// rank, which has nothing to send.
    package private(set) var secondsAlone: Double?

    /// Collective over `group`.
    ///
    /// - Parameters:
    ///   - gradients: the flat block, `[1, floats]`.
    ///   - isGathered: whether all ranks get all sums. Otherwise each rank gets the sums of its shard, and the rest of its
    ///     block is meaningless.
    package init(
        _ gradients: Matrix, over group: any ProcessGroup, isGathered: Bool, workers: Workers
    ) throws(CollectiveError) {
        partition = FlatPartition(count: gradients.columnCount, rankCount: group.size)
        buckets = group.size > 1 ? partition.buckets : []
        self.gradients = gradients
        self.isGathered = isGathered
        self.workers = workers
        exchanges = try group.duplicated("gradient exchanges")
        gathers = try group.duplicated("gradient gathers")
        let part = partition.largestPart
        received = (0..<min(FlatPartition.exchangesUnderWay, buckets.count)).map { _ in
            Matrix(rowCount: 1, columnCount: (group.size - 1) * part)
        }
        finalOffset = gradients.columnCount
    }

    // MARK: One step

    /// Starts the reduction of a step. From now on, until `finish` ends, gradients reported by `areFinal` are summed.
    package func begin() {
        invariant(exchanging.isEmpty && gathering.isEmpty, "a reduction is finished before the next")
        (startedCount, summedCount, finalOffset) = (0, 0, gradients.columnCount)
        // `unowned` is safe: the reduction outlives backward, and backward outlives every call.
        if !buckets.isEmpty { workers.meanwhile = { [unowned self] in self.moveOn() } }
    }

    /// No more gradients are added to the block from `offset` on in this step.
    func areFinal(from offset: Int) {
        invariant(offset <= finalOffset, "gradients become final from the block's end to its beginning")
        finalOffset = offset
        moveOn()
    }

    /// Waits for the sums. Collective over the data ranks.
    package func finish() throws(CollectiveError) {
        workers.meanwhile = nil
        areFinal(from: 0)
        if let failure { throw failure }
        let start = Stopwatch.now
        defer { seconds += Stopwatch.now - start }
        while summedCount < buckets.count { try takeExchanged() }
        while !gathering.isEmpty { try gathering.remove(at: 0).wait() }
    }

    /// Does all work that needs no waiting. `finish` throws the error: the kernels that call this can't handle one.
    private func moveOn() {
        guard failure == nil, summedCount < buckets.count || !gathering.isEmpty else { return }
        let start = Stopwatch.now
        defer { seconds += Stopwatch.now - start }
        do throws(CollectiveError) {
            try startExchanges()
            while !exchanging.isEmpty, try exchanging[0].hasEnded() { try takeExchanged() }
            while !gathering.isEmpty, try gathering[0].hasEnded() { try gathering.remove(at: 0).wait() }
        } catch {
            failure = error
        }
    }

    private func startExchanges() throws(CollectiveError) {
        while startedCount < buckets.count, buckets[startedCount].lowerBound >= finalOffset,
            startedCount - summedCount < received.count
        {
            let parts = partition.parts(of: buckets[startedCount])
            exchanging.append(
                try exchanges.startAllToAll(gradients, parts: parts, into: received(startedCount, part: parts[exchanges.rank])))
            startedCount += 1
        }
    }

    /// Waits for the earliest all-to-all, sums its gradients, and starts the next operations.
    private func takeExchanged() throws(CollectiveError) {
        try exchanging.remove(at: 0).wait()
        let parts = partition.parts(of: buckets[summedCount])
        let own = parts[exchanges.rank]
        RankSum.add(received(summedCount, part: own), to: gradients.columns(own), rank: exchanges.rank)
        if isGathered { gathering.append(try gathers.startAllGather(gradients, parts: parts)) }
        summedCount += 1
        try startExchanges()
    }

    private func received(_ bucket: Int, part: Range<Int>) -> Matrix {
        let others = exchanges.size - 1
        return received[bucket % received.count].columns(0..<others * part.count)
            .reshaped(rowCount: others, columnCount: part.count)
    }

    /// Seconds that this thread has spent on reductions since the last call: to start them, progress them, sum and wait.
    package func takeSeconds() -> Double {
        defer { seconds = 0 }
        return seconds
    }

    // MARK: Around the steps

    /// All-gathers `block`, which has the layout of the gradients: every rank's shard goes to all ranks. Collective over
    /// the data ranks.
    package func share(_ block: Matrix) throws(CollectiveError) {
        invariant(
            block.columnCount == gradients.columnCount && gathering.isEmpty, "the block has the gradients' size, and nothing else is under way")
        for bucket in buckets { gathering.append(try gathers.startAllGather(block, parts: partition.parts(of: bucket))) }
        while !gathering.isEmpty { try gathering.remove(at: 0).wait() }
    }

    /// Measures a reduction without any computation beside it. Overwrites the gradients. Collective over the data ranks.
    package func measureAlone() throws(CollectiveError) {
        guard !buckets.isEmpty else { return }
        // The first round touches memory and makes connections, which no step repeats. Only the second counts.
        for _ in 0..<2 {
            gradients.fill(0)
            try exchanges.barrier()
            _ = takeSeconds()
            begin()
            try finish()
            secondsAlone = takeSeconds()
        }
    }
}
