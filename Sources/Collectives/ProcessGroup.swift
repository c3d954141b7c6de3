import Settings
import Tensors

/// The ranks along one axis of the mesh, and what they can do together. The only seam to MPI.
///
/// All ranks of a group call the same operations in the same order with the same counts. One thread of a rank calls.
/// Sums give every rank the same bits.
public protocol ProcessGroup: AnyObject {
    /// This process's place, in `0..<size`.
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
    /// Every rank's bytes, by rank.
    func allGather(_ bytes: [UInt8]) throws(CollectiveError) -> [[UInt8]]
    /// Replaces `matrix` (contiguous) by the root's.
    func broadcast(_ matrix: Matrix, root: Int) throws(CollectiveError)
    /// Sends `matrix` (contiguous) to one rank, which calls `receive` with the same tag and size.
    func send(_ matrix: Matrix, to destination: Int, tag: Int) throws(CollectiveError)
    func receive(_ matrix: Matrix, from source: Int, tag: Int) throws(CollectiveError)
    /// Starts `send`; `matrix` must not be touched until the returned value was waited for.
    func startSend(_ matrix: Matrix, to destination: Int, tag: Int) throws(CollectiveError) -> PendingCollective
    /// Starts to send a copy of `values`, which the destination takes with `receive(count:from:tag:)`.
    func startSend(_ values: [Double], to destination: Int, tag: Int) throws(CollectiveError) -> PendingCollective
    func receive(count: Int, from source: Int, tag: Int) throws(CollectiveError) -> [Double]
    func barrier() throws(CollectiveError)

    // What is started here goes on while this process computes, as far as it is asked now and then whether it has ended.
    // Memory that is named must not be touched until the returned value was waited for.

    /// Starts to give each rank `r` the floats `parts[r]` of every rank's `matrix` (contiguous, one row).
    ///
    /// - Parameters:
    ///   - parts: any ranges, the same on all ranks.
    ///   - received: `[size − 1, parts[rank].count]`, contiguous: the other ranks' floats, a row each, in the order of
    ///     ranks. This rank's own stay where they are.
    func startAllToAll(
        _ matrix: Matrix, parts: [Range<Int>], into received: Matrix
    ) throws(CollectiveError) -> PendingCollective
    /// Starts to replace the floats `parts[r]` of every rank's `matrix` (contiguous, one row) by rank `r`'s.
    func startAllGather(_ matrix: Matrix, parts: [Range<Int>]) throws(CollectiveError) -> PendingCollective
    /// The same ranks again under another name, whose operations have an order of their own. Collective; time is counted
    /// together.
    func duplicated(_ name: String) throws(CollectiveError) -> any ProcessGroup

    /// Seconds this process has spent inside collectives, waiting included.
    var secondsWaited: Double { get }
}
