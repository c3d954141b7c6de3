import BasicContainers
import Collectives
import Kernels
import Model
import Settings
import Tensors

// n data ranks.

/// Adds the gradients of all data ranks, bucket after bucket, while backward still makes those of earlier layers.
///
/// A bucket goes three ways: an exchange gives each rank all ranks' numbers of its own part; it adds them up in the order of
/// ranks, so that the bits depend on nothing but n; and, unless each rank is to update its own shard only, a gather makes
/// the sums known to all. Exchanges and gathers have a group each, on which every rank starts them in the buckets' order,
/// whenever its own backward gets there. What was started moves on between the tasks of backward's kernels
/// (`Workers.meanwhile`).
package final class GradientReduction {
    package let partition: FlatPartition
    private let gradients: Matrix
    private let exchanges: any ProcessGroup
    private let gathers: any ProcessGroup
    private let isGathered: Bool
    private let workers: Workers
    private let buckets: [Range<Int>]

    /// Buckets whose exchange is under way, the earliest first; the n-th bucket uses the (n mod limit)-th scratch.
    private var exchanging = UniqueArray<PendingCollective>()
    private var gathering = UniqueArray<PendingCollective>()
    /// Buckets whose exchange was started, and whose parts were added up.
    private var startedCount = 0
    private var summedCount = 0
    /// From here on the block's gradients are final.
    private var finalOffset: Int
    /// `[n − 1, floats of a part]` of each exchange that may be under way at a time.
    private let received: [Matrix]
    /// Of the moments when nobody could be told.
    private var failure: CollectiveError?

    private var seconds = 0.0
    /// Seconds that the reduction of the whole block takes where nothing is computed meanwhile; nil until it was measured,
    /// and where one data rank has nothing to send.
    package private(set) var secondsAlone: Double?

    /// Collective over `group`.
    ///
    /// - Parameters:
    ///   - gradients: the flat block, `[1, floats]`.
    ///   - isGathered: all ranks get all sums; else each gets those of its shard, and the rest of its block is of no use.
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

    /// From now on, to the end of `finish`, gradients that are said to be final are added up.
    package func begin() {
        invariant(exchanging.isEmpty && gathering.isEmpty, "a reduction is finished before the next")
        (startedCount, summedCount, finalOffset) = (0, 0, gradients.columnCount)
        // The reduction outlives backward, which outlives every call.
        if !buckets.isEmpty { workers.meanwhile = { [unowned self] in self.moveOn() } }
    }

    /// Nothing is added to the block's gradients from `offset` on, in this step.
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

    /// What can be done without waiting. An error is told by `finish`: kernels that come by here know nothing of it.
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

    /// Waits for the earliest exchange, adds its numbers up, and starts what comes after.
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

    /// Seconds that this thread has spent on reductions since the last call: starting them, moving them on, adding up, and
    /// waiting.
    package func takeSeconds() -> Double {
        defer { seconds = 0 }
        return seconds
    }

    // MARK: Around the steps

    /// Every rank's shard of `block`, laid out as the gradients are, becomes known to all. Collective over the data ranks.
    package func share(_ block: Matrix) throws(CollectiveError) {
        invariant(
            block.columnCount == gradients.columnCount && gathering.isEmpty, "what is shared has the gradients' size, and nothing else is under way")
        for bucket in buckets { gathering.append(try gathers.startAllGather(block, parts: partition.parts(of: bucket))) }
        while !gathering.isEmpty { try gathering.remove(at: 0).wait() }
    }

    /// Takes the time of a reduction while nothing is computed. Of the gradients nothing is left. Collective over the data
    /// ranks.
    package func measureAlone() throws(CollectiveError) {
        guard !buckets.isEmpty else { return }
        // The first time memory is touched and connections are made, which no step has to do again.
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
