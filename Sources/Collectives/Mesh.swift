import Diagnosis
import Foundation
import Settings
import Tensors

/// The job's ranks as a grid with the axes data and tensor. `world rank = data index · tensor + tensor index`.
public struct Mesh {
    public let layout: ParallelLayout
    /// All ranks.
    public let world: any ProcessGroup
    /// Ranks with this rank's data and other shards of its model.
    public let tensor: any ProcessGroup
    /// Ranks with this rank's shard and other data.
    public let data: any ProcessGroup
    /// The name of each world rank's host.
    public let hosts: [String]

    /// One process, without MPI.
    public static func solo() -> Mesh {
        let group = SoloGroup()
        return Mesh(layout: .single, world: group, tensor: group, data: group, hosts: [MPIEnvironment.hostName])
    }

    /// Cuts `world` into the layout's axes. Collective.
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

    /// An axis of one rank needs no communicator, and its collectives cost nothing.
    private static func axis(
        _ name: String, _ world: MPIGroup, size: Int, color: Int, key: Int
    ) throws(CollectiveError) -> any ProcessGroup {
        let part = try world.split(color: color, key: key, name: name)
        return size == 1 ? SoloGroup() : part
    }

    /// The group that this rank is in, of disjoint lists of world ranks; their order gives the ranks within. Nil where it is
    /// in none. Collective over all ranks.
    ///
    /// - Parameter name: what the groups are called where ranks tell what they do.
    public func group(_ name: String, among lists: [[Int]]) throws(CollectiveError) -> (any ProcessGroup)? {
        let own = lists.firstIndex { $0.contains(world.rank) }
        guard let world = world as? MPIGroup else { return own == nil ? nil : world }
        let part = try world.split(
            color: own ?? lists.count, key: own.map { lists[$0].firstIndex(of: world.rank)! } ?? world.rank,
            name: name)
        guard let own else { return nil }
        return lists[own].count == 1 ? SoloGroup() : part
    }

    /// The ranks of this node that hold the same shard as this one, which they name by a number. Collective over all ranks.
    public func node(shard: Int) throws(CollectiveError) -> NodeGroup {
        guard let world = world as? MPIGroup else { return NodeGroup() }
        return try world.node(color: shard)
    }

    /// Whether this rank writes files and speaks.
    public var isFirst: Bool { world.rank == 0 }

    /// Runs `body` on every rank; when it failed on any, all ranks throw an `AgreedFailure` with that of the lowest such rank.
    ///
    /// Use it around work that can fail on some ranks only (reading files), where the others would wait for ever.
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
