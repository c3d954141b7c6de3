import Diagnosis
import Foundation
import Settings
import Tensors

/// The job's ranks as a grid with the axes data and tensor. `world rank = data index · tensor + tensor index`.
public struct Mesh {
    public let layout: ParallelLayout
    /// All ranks.
    public let world: any ProcessGroup
    /// Ranks with the same data and other shards of the model.
    public let tensor: any ProcessGroup
    /// Ranks with the same shard and other data.
    public let data: any ProcessGroup
    /// The host name of each world rank.
    public let hosts: [String]

    /// One process, without MPI.
    public static func solo() -> Mesh {
        let group = SoloGroup()
        return Mesh(layout: .single, world: group, tensor: group, data: group, hosts: [MPIEnvironment.hostName])
    }

    /// Splits `world` into the layout's axes. Collective.
    public static func over(_ world: MPIGroup, layout: ParallelLayout) throws(CollectiveError) -> Mesh {
        invariant(world.size == layout.rankCount, "the layout was checked against the number of ranks")
        let hosts = try world.gatherHosts()
        Watchdog.know(hosts: hosts)
        let (dataIndex, tensorIndex) = world.rank.quotientAndRemainder(dividingBy: layout.tensor)
        return Mesh(
            layout: layout, world: world,
            tensor: try axis("tensor", world, size: layout.tensor, color: dataIndex, key: tensorIndex),
            data: try axis("data", world, size: layout.data, color: tensorIndex, key: dataIndex),
            hosts: hosts)
    }

    /// An axis of one rank needs no communicator: its collectives cost nothing.
    private static func axis(
        _ name: String, _ world: MPIGroup, size: Int, color: Int, key: Int
    ) throws(CollectiveError) -> any ProcessGroup {
        let part = try world.split(color: color, key: key, name: name)
        return size == 1 ? SoloGroup() : part
    }

    /// Makes one group from each of the disjoint `lists` of world ranks and returns the group of this rank; nil if no list
    /// contains it. The order of a list gives the ranks within its group. Collective over all ranks.
    ///
    /// - Parameter name: the group's name in messages about operations.
    public func group(_ name: String, among lists: [[Int]]) throws(CollectiveError) -> (any ProcessGroup)? {
        let own = lists.firstIndex { $0.contains(world.rank) }
        guard let world = world as? MPIGroup else { return own == nil ? nil : world }
        let part = try world.split(
            color: own ?? lists.count, key: own.map { lists[$0].firstIndex(of: world.rank)! } ?? world.rank,
            name: name)
        guard let own else { return nil }
        return lists[own].count == 1 ? SoloGroup() : part
    }

    /// The ranks of this node that give the same `shard` number, because they hold the same shard. Collective over all
    /// ranks.
    public func node(shard: Int) throws(CollectiveError) -> NodeGroup {
        guard let world = world as? MPIGroup else { return NodeGroup() }
        return try world.node(color: shard)
    }

    /// Whether this rank writes files and prints.
    public var isFirst: Bool { world.rank == 0 }

    /// Runs `body` on every rank. If it fails on any rank, all ranks throw an `AgreedFailure` with the failure of the
    /// lowest failed rank.
    ///
    /// Use it around work that can fail on some ranks only, such as reading files. Otherwise the other ranks would wait for
    /// ever.
    public func agreed<Value>(_ body: () throws -> Value) throws -> Value {
        let outcome = Result { try body() }
        var own: Failure?
        if case .failure(let error) = outcome {
            own = (error as? Failure) ?? Failure("rank \(world.rank)", "\(error)", remedy: "", exitCode: .internal)
        }
        if let failure = try RankOutcome.firstFailure(own, over: world, hosts: hosts) { throw AgreedFailure(failure) }
        return try outcome.get()
    }
}
