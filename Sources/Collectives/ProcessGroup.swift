import Settings
import Tensors

/// The ranks along one axis of the mesh, and the operations between them. All other code reaches MPI through this protocol.
///
/// All ranks of a group call the same operations in the same order with the same counts, each rank from one thread. An
/// all-reduce gives every rank the same bits.
public protocol ProcessGroup: AnyObject {
    /// This rank's index in the group, in `0..<size`.
    var rank: Int { get }
    var size: Int { get }

    /// Replaces `matrix` (contiguous) by its sum over all ranks.
    func allReduce(_ matrix: Matrix) throws(CollectiveError)
    /// Element-wise sum over all ranks.
    func allReduce(_ values: [Double]) throws(CollectiveError) -> [Double]
    /// Element-wise maximum over all ranks.
    func allReduceMaximum(_ values: [Double]) throws(CollectiveError) -> [Double]
    /// Element-wise minimum over all ranks.
    func allReduceMinimum(_ values: [Int]) throws(CollectiveError) -> [Int]
    /// The bytes of every rank, ordered by rank.
    func allGather(_ bytes: [UInt8]) throws(CollectiveError) -> [[UInt8]]
    /// Replaces `matrix` (contiguous) by the root's matrix.
    func broadcast(_ matrix: Matrix, root: Int) throws(CollectiveError)
    /// Sends `matrix` (contiguous) to one rank, which calls `receive` with the same tag and size.
    func send(_ matrix: Matrix, to destination: Int, tag: Int) throws(CollectiveError)
    func receive(_ matrix: Matrix, from source: Int, tag: Int) throws(CollectiveError)
    /// Starts `send`. `matrix` must not be touched until the returned value was waited for.
    func startSend(_ matrix: Matrix, to destination: Int, tag: Int) throws(CollectiveError) -> PendingCollective
    /// Starts to send a copy of `values`. The destination calls `receive(count:from:tag:)`.
    func startSend(_ values: [Double], to destination: Int, tag: Int) throws(CollectiveError) -> PendingCollective
    func receive(count: Int, from source: Int, tag: Int) throws(CollectiveError) -> [Double]
    func barrier() throws(CollectiveError)

    // A started operation runs while this process computes, if `hasEnded` is called now and then. The memory passed to it
    // must not be touched until the returned value was waited for.

    /// Starts an all-to-all: each rank `r` receives the floats `parts[r]` of every rank's `matrix` (contiguous, one row).
    ///
    /// - Parameters:
    ///   - parts: any ranges, the same on all ranks.
    ///   - received: `[size − 1, parts[rank].count]`, contiguous: one row for each other rank, ordered by rank. This rank's
    ///     own floats stay in `matrix`.
    func startAllToAll(
        _ matrix: Matrix, parts: [Range<Int>], into received: Matrix
    ) throws(CollectiveError) -> PendingCollective
    /// Starts an all-gather: the floats `parts[r]` of every rank's `matrix` (contiguous, one row) become those of rank `r`.
    func startAllGather(_ matrix: Matrix, parts: [Range<Int>]) throws(CollectiveError) -> PendingCollective
    /// The same ranks under another name, with an operation order independent of this group's. `secondsWaited` counts both
    /// groups together. Collective.
    func duplicated(_ name: String) throws(CollectiveError) -> any ProcessGroup

    /// Seconds that this process has spent inside collectives, waiting included.
    var secondsWaited: Double { get }
}
