import Settings
import Tensors

/// A group of one rank. Every operation is the identity; no MPI call is made.
public final class SoloGroup: ProcessGroup {
    public init() {}

    public var rank: Int { 0 }
    public var size: Int { 1 }
    public var secondsWaited: Double { 0 }

    public func allReduce(_ matrix: Matrix) {}
    public func allReduce(_ values: [Double]) -> [Double] { values }
    public func allReduceMaximum(_ values: [Double]) -> [Double] { values }
    public func allReduceMinimum(_ values: [Int]) -> [Int] { values }
    public func allGather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }
    public func broadcast(_ matrix: Matrix, root: Int) {}
    public func send(_ matrix: Matrix, to destination: Int, tag: Int) { brokenInvariant("a group of one sends nothing") }
    public func receive(_ matrix: Matrix, from source: Int, tag: Int) { brokenInvariant("a group of one receives nothing") }
    public func startSend(_ matrix: Matrix, to destination: Int, tag: Int) -> PendingCollective {
        brokenInvariant("a group of one sends nothing")
    }
    public func startSend(_ values: [Double], to destination: Int, tag: Int) -> PendingCollective {
        brokenInvariant("a group of one sends nothing")
    }
    public func receive(count: Int, from source: Int, tag: Int) -> [Double] {
        brokenInvariant("a group of one receives nothing")
    }
    public func barrier() {}
    public func startAllToAll(_ matrix: Matrix, parts: [Range<Int>], into received: Matrix) -> PendingCollective { ended }
    public func startAllGather(_ matrix: Matrix, parts: [Range<Int>]) -> PendingCollective { ended }
    public func duplicated(_ name: String) -> any ProcessGroup { self }

    private var ended: PendingCollective {
        PendingCollective(
            poll: { () throws(CollectiveError) in true }, complete: { () throws(CollectiveError) in })
    }
}
