import Collectives
import Foundation
import Kernels
import Settings
import Tensors

// n ranks of a node.

extension MachineMeasurement {
    private var sizes: [Int] { [8, 1 << 12, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24] }

    /// Over the ranks of a node; none where it has one. Every rank repeats as often: a time limit of its own would leave the
    /// others waiting.
    func measureReductions() throws -> [MachineRates.Reduction] {
        let world = bench.mesh.world
        let lists = stride(from: 0, to: world.size, by: ranksOfNode).map { Array($0..<min($0 + ranksOfNode, world.size)) }
        guard ranksOfNode > 1, let node = try bench.mesh.group("node", among: lists) else { return [] }
        let (exchanges, gathers) = (try node.duplicated("exchanges"), try node.duplicated("gathers"))
        return try sizes.map { bytes in
            let count = max(16 * node.size, bytes / 4)
            let matrix = Matrix(rowCount: 1, columnCount: count)
            matrix.fill(1e-20)
            let bounds = (0...node.size).map { $0 == node.size ? count : count * $0 / node.size / 16 * 16 }
            let parts = zip(bounds, bounds.dropFirst()).map { $0..<$1 }
            let received = Matrix(rowCount: node.size - 1, columnCount: parts[node.rank].count)
            let sum = try seconds(of: node, bytes) { try node.allReduce(matrix) }
            let bucket = try seconds(of: node, bytes) {
                try exchanges.startAllToAll(matrix, parts: parts, into: received).wait()
                RankSum.add(received, to: matrix.columns(parts[node.rank]), rank: node.rank)
                try gathers.startAllGather(matrix, parts: parts).wait()
            }
            return MachineRates.Reduction(bytes: bytes, sumSeconds: sum, bucketSeconds: bucket)
        }
    }

    /// Between the first ranks of all nodes; what is assumed where there is one node.
    func measureNetwork() throws -> MachineRates.Network {
        let world = bench.mesh.world
        guard world.size > ranksOfNode else { return .assumed }
        let leaders = Array(stride(from: 0, to: world.size, by: ranksOfNode))
        var found: [Double] = [0, 0]
        if let group = try bench.mesh.group("leaders", among: [leaders]) {
            let (small, large) = (Matrix(rowCount: 1, columnCount: 1), Matrix(rowCount: 1, columnCount: 1 << 22))
            let steps = 2 * log2(Double(group.size)).rounded(.up)
            found[0] = try seconds(of: group, 8) { try group.allReduce(small) } / steps
            let bytes = 2 * Double(group.size - 1) / Double(group.size) * Double(1 << 24)
            found[1] = bytes / (try seconds(of: group, 1 << 24) { try group.allReduce(large) })
        }
        let all = try world.allReduceMaximum(found)
        return MachineRates.Network(latencySeconds: all[0], bytesPerSecond: all[1], isAssumed: false)
    }

    /// Median over as many repetitions on every rank, of the slowest rank.
    private func seconds(of group: any ProcessGroup, _ bytes: Int, _ body: () throws -> Void) throws -> Double {
        for _ in 0..<3 { try body() }
        var times: [Double] = []
        for _ in 0..<(bytes > 1 << 20 ? 9 : 31) {
            try group.barrier()
            let start = now()
            try body()
            times.append(now() - start)
        }
        return try group.allReduceMaximum([median(times)])[0]
    }
}
