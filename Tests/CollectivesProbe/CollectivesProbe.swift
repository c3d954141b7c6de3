import Collectives
import Foundation
import Settings
import Tensors

/// Every operation of `Collectives`, alone or under mpirun, compared with values that each rank computes by itself.
///
/// Prints a line for each operation: its name, and what was wrong on the first rank where something was. An argument
/// `checked` makes the ranks compare their calls first.
@main
enum CollectivesProbe {
    static func main() throws {
        let launch = MPIEnvironment.launch()
        let world: any ProcessGroup
        let mesh: Mesh
        if launch.isLaunched {
            let started = try MPIEnvironment.start()
            let group = CommandLine.arguments.last == "checked" ? try started.comparing() : started
            let tensor = group.size.isMultiple(of: 2) ? 2 : 1
            mesh = try Mesh.over(group, layout: ParallelLayout(data: group.size / tensor, tensor: tensor))
            world = group
        } else {
            mesh = .solo()
            world = mesh.world
        }
        for (name, check) in checks {
            let problem = try check(world, mesh) ?? ""
            let problems = try world.allGather(problem)
            let first = problems.firstIndex { !$0.isEmpty }
            if mesh.isFirst { print(name + (first.map { ": rank \($0): \(problems[$0])" } ?? "")) }
        }
        MPIEnvironment.finish()
    }

    /// Nil where all is right on this rank.
    typealias Check = (_ world: any ProcessGroup, _ mesh: Mesh) throws -> String?

    static var checks: KeyValuePairs<String, Check> {
        [
            "all-reduce of floats": allReduceFloats, "all-reduce of inexact floats": allReduceInexact,
            "all-reduce of doubles": { world, _ in
                let sums = try world.allReduce([Double(world.rank), 0.5, -1])
                return compared(sums, [Double(world.size * (world.size - 1) / 2), 0.5 * Double(world.size), -Double(world.size)])
            },
            "maximum and minimum": { world, _ in
                let (rank, last) = (world.rank, world.size - 1)
                let maximum = try world.allReduceMaximum([Double(rank), -Double(rank), .infinity])
                let minimum = try world.allReduceMinimum([rank, -rank, Int.max])
                return compared(maximum, [Double(last), 0, .infinity]) ?? compared(minimum, [0, -last, Int.max])
            },
            "all-gather of bytes": { world, _ in
                // The lengths differ, and the first rank has none.
                let all = try world.allGather([UInt8](repeating: UInt8(world.rank), count: 3 * world.rank))
                return compared(all, (0..<world.size).map { [UInt8](repeating: UInt8($0), count: 3 * $0) })
            },
            "all-gather of values": { world, _ in
                let all: [[String: [Int]]] = try world.allGather(["ä\(world.rank)": Array(0..<world.rank)])
                return compared(all, (0..<world.size).map { ["ä\($0)": Array(0..<$0)] })
            },
            "broadcast": { world, _ in
                for root in 0..<world.size {
                    let matrix = numbers(1000, rank: world.rank)
                    try world.broadcast(matrix, root: root)
                    if let problem = compared(matrix.values, numbers(1000, rank: root).values) { return "root \(root): \(problem)" }
                }
                return nil
            },
            "send and receive": sendAndReceive, "all-to-all": allToAll, "all-gather of parts": allGatherParts, "two groups at once": twoGroups,
            "a pending operation that is dropped": dropped,
            "partial sums": { world, mesh in
                let sum = try Partial(numbers(77, rank: mesh.tensor.rank)).allReduced(over: mesh.tensor)
                return compared(sum.values, sums(77, ranks: 0..<mesh.tensor.size))
            },
            "axes of the mesh": { world, mesh in
                let ranks = try mesh.data.allGather(world.rank)
                let neighbours = try mesh.tensor.allGather(world.rank)
                let (data, tensor) = world.rank.quotientAndRemainder(dividingBy: mesh.layout.tensor)
                return compared(ranks, (0..<mesh.layout.data).map { $0 * mesh.layout.tensor + tensor })
                    ?? compared(neighbours, (0..<mesh.layout.tensor).map { data * mesh.layout.tensor + $0 })
                    ?? compared([mesh.hosts.count], [world.size])
            },
            "groups of chosen ranks": { world, mesh in
                // The even ranks backwards; the second rank is in no group.
                let lists = [Array(stride(from: 0, to: world.size, by: 2).reversed()), [3]].filter { $0.allSatisfy { $0 < world.size } }
                let group = try mesh.group("chosen", among: lists)
                guard let own = lists.first(where: { $0.contains(world.rank) }) else { return group == nil ? nil : "is in a group" }
                guard let group else { return "is in no group" }
                return compared(try group.allGather(world.rank), own)
            },
            "memory that a node shares": { world, mesh in
                let node = try mesh.node(shard: world.rank % 2)
                let storage = try node.shared(floatCount: 5) { storage in
                    let matrix = Matrix(storage: storage, offset: 0, rowCount: 1, columnCount: 5)
                    for index in 0..<5 { matrix[0, index] = Float(10 * (world.rank % 2) + index) }
                }
                let seen = Matrix(storage: storage, offset: 0, rowCount: 1, columnCount: 5).values
                let size = (0..<world.size).count { $0 % 2 == world.rank % 2 }
                return compared(seen, (0..<5).map { Float(10 * (world.rank % 2) + $0) }) ?? compared([node.size], [size])
            },
            "one failure for all": { world, mesh in
                let last = world.size - 1
                do {
                    _ = try mesh.agreed {
                        if world.rank == last { throw Failure.damaged("file", "is broken by rank \(last)", remedy: "Mend it.") }
                    }
                    return "did not throw"
                } catch let error as AgreedFailure {
                    return compared([error.failure.reason], ["is broken by rank \(last)"])
                }
            },
            "seconds that were waited": { world, _ in
                let before = world.secondsWaited
                if world.rank == 0 { Thread.sleep(forTimeInterval: 0.05) }
                try world.barrier()
                let waited = world.secondsWaited - before
                return world.rank == 0 || waited > 0.02 ? nil : "counted \(waited) s beside a rank that slept 0.05 s"
            },
        ]
    }

    // MARK: Operations with more to them

    /// Whole numbers up to 2²⁴ are exact in float32, in any order of addition.
    private static func allReduceFloats(_ world: any ProcessGroup, _ mesh: Mesh) throws -> String? {
        for count in [1, 7, 4096, 100_003] {
            let matrix = numbers(count, rank: world.rank)
            try world.allReduce(matrix)
            if let problem = compared(matrix.values, sums(count, ranks: 0..<world.size)) { return "\(count) floats: \(problem)" }
        }
        return nil
    }

    /// A sum may depend on the order of addition, but all ranks must have the same bits.
    private static func allReduceInexact(_ world: any ProcessGroup, _ mesh: Mesh) throws -> String? {
        let matrix = Matrix(rowCount: 1, columnCount: 5003)
        var random = KeyedRandom(key: 1, UInt64(world.rank))
        var exact = [Double](repeating: 0, count: 5003)
        for rank in 0..<world.size {
            var random = KeyedRandom(key: 1, UInt64(rank))
            for index in exact.indices { exact[index] += Double(Float(random.nextUnit() - 0.5)) }
        }
        for index in exact.indices { matrix[0, index] = Float(random.nextUnit() - 0.5) }
        try world.allReduce(matrix)
        let bytes = matrix.values.withUnsafeBytes { Array($0) }
        guard try world.allGather(bytes).allSatisfy({ $0 == bytes }) else { return "ranks got other bits" }
        let worst = zip(matrix.values, exact).map { abs(Double($0) - $1) }.max()!
        return worst < 1e-6 ? nil : "is off by \(worst)"
    }

    /// Round the ring: started sends, so that nobody waits for a rank that sends itself.
    private static func sendAndReceive(_ world: any ProcessGroup, _ mesh: Mesh) throws -> String? {
        guard world.size > 1 else { return nil }
        let (next, previous) = ((world.rank + 1) % world.size, (world.rank + world.size - 1) % world.size)
        let (first, second) = (numbers(3000, rank: world.rank), numbers(9, rank: world.rank + 50))
        let (received, other) = (Matrix(rowCount: 1, columnCount: 3000), Matrix(rowCount: 1, columnCount: 9))
        let firstSend = try world.startSend(first, to: next, tag: 1)
        let secondSend = try world.startSend(second, to: next, tag: 2)
        let doubles = try world.startSend([Double(world.rank), .pi], to: next, tag: 3)
        // Against the order of sending: tags tell messages apart.
        try world.receive(other, from: previous, tag: 2)
        let values = try world.receive(count: 2, from: previous, tag: 3)
        try world.receive(received, from: previous, tag: 1)
        try firstSend.wait()
        try secondSend.wait()
        try doubles.wait()
        // A send that waits, from each even rank to the odd one behind it.
        let pair = Matrix(rowCount: 1, columnCount: 4)
        if world.rank % 2 == 0, world.rank + 1 < world.size { try world.send(numbers(4, rank: world.rank), to: world.rank + 1, tag: 4) }
        if world.rank % 2 == 1 { try world.receive(pair, from: world.rank - 1, tag: 4) }
        return compared(received.values, numbers(3000, rank: previous).values) ?? compared(other.values, numbers(9, rank: previous + 50).values)
            ?? compared(values, [Double(previous), .pi])
            ?? (world.rank % 2 == 1 ? compared(pair.values, numbers(4, rank: world.rank - 1).values) : nil)
    }

    /// Parts of other lengths, one of them empty.
    private static func parts(_ size: Int) -> [Range<Int>] {
        var start = 0
        return (0..<size).map { rank in
            let count = rank == 1 ? 0 : 100 * rank + 5
            defer { start += count }
            return start..<(start + count)
        }
    }

    private static func allToAll(_ world: any ProcessGroup, _ mesh: Mesh) throws -> String? {
        let parts = parts(world.size)
        let own = parts[world.rank]
        let matrix = numbers(parts.last!.upperBound, rank: world.rank)
        let received = Matrix(rowCount: world.size - 1, columnCount: own.count)
        let pending = try world.startAllToAll(matrix, parts: parts, into: received)
        while try !pending.hasEnded() {}
        try pending.wait()
        let others = (0..<world.size).filter { $0 != world.rank }
        let expected = others.flatMap { numbers(parts.last!.upperBound, rank: $0).values[own] }
        return compared(received.values, expected)
    }

    private static func allGatherParts(_ world: any ProcessGroup, _ mesh: Mesh) throws -> String? {
        let parts = parts(world.size)
        let matrix = numbers(parts.last!.upperBound, rank: world.rank)
        try world.startAllGather(matrix, parts: parts).wait()
        let expected = parts.indices.flatMap { numbers(parts.last!.upperBound, rank: $0).values[parts[$0]] }
        return compared(matrix.values, expected)
    }

    /// Operations of a duplicate don't have to keep the order of the first group's.
    private static func twoGroups(_ world: any ProcessGroup, _ mesh: Mesh) throws -> String? {
        let other = try world.duplicated("probe")
        let parts = parts(world.size)
        let (one, two) = (numbers(parts.last!.upperBound, rank: world.rank), numbers(parts.last!.upperBound, rank: world.rank + 7))
        let first = try world.startAllGather(one, parts: parts)
        let second = try other.startAllGather(two, parts: parts)
        if world.rank.isMultiple(of: 2) {
            try second.wait()
            try first.wait()
        } else {
            try first.wait()
            try second.wait()
        }
        return compared(one.values, parts.indices.flatMap { numbers(parts.last!.upperBound, rank: $0).values[parts[$0]] })
            ?? compared(two.values, parts.indices.flatMap { numbers(parts.last!.upperBound, rank: $0 + 7).values[parts[$0]] })
    }

    /// It is completed all the same, and counted.
    private static func dropped(_ world: any ProcessGroup, _ mesh: Mesh) throws -> String? {
        let before = PendingCollectiveFaults.count
        let matrix = numbers(parts(world.size).last!.upperBound, rank: world.rank)
        do { _ = try world.startAllGather(matrix, parts: parts(world.size)) }
        let expected = parts(world.size).enumerated().flatMap { numbers($1.upperBound, rank: $0).values[$1] }
        return compared(matrix.values, expected) ?? compared([PendingCollectiveFaults.count - before], [1])
    }

    // MARK: Numbers

    /// `[1, count]` of whole numbers that differ between ranks and places.
    private static func numbers(_ count: Int, rank: Int) -> Matrix {
        Matrix(rowCount: 1, columnCount: count, values: (0..<count).map { value($0, rank) })
    }

    private static func value(_ index: Int, _ rank: Int) -> Float { Float((index * 7 + rank * 13) % 101 - 50) }

    private static func sums(_ count: Int, ranks: Range<Int>) -> [Float] {
        (0..<count).map { index in ranks.reduce(0) { $0 + value(index, $1) } }
    }

    private static func compared<Value: Equatable>(_ found: [Value], _ expected: [Value]) -> String? {
        guard found.count == expected.count else { return "\(found.count) values, not \(expected.count)" }
        guard let index = found.indices.first(where: { found[$0] != expected[$0] }) else { return nil }
        return "value \(index) is \(found[index]), not \(expected[index])"
    }
}
