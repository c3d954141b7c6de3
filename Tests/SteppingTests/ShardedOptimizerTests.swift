import Kernels
import Model
import Settings
import Tensors
import TestSupport
import Testing
import Weights

@testable import Collectives
@testable import Stepping

/// One of several ranks, alone: what the others hold is not there.
private final class LoneRank: ProcessGroup {
    let rank, size: Int
    init(rank: Int, size: Int) { (self.rank, self.size) = (rank, size) }

    var secondsWaited: Double { 0 }
    func allReduce(_ values: [Double]) -> [Double] { values }
    func duplicated(_ name: String) -> any ProcessGroup { self }

    private func none() -> Never { preconditionFailure("there is nobody to talk to") }
    func allReduce(_ matrix: Matrix) { none() }
    func allReduceMaximum(_ values: [Double]) -> [Double] { none() }
    func allReduceMinimum(_ values: [Int]) -> [Int] { none() }
    func allGather(_ bytes: [UInt8]) -> [[UInt8]] { none() }
    func broadcast(_ matrix: Matrix, root: Int) { none() }
    func send(_ matrix: Matrix, to destination: Int, tag: Int) { none() }
    func receive(_ matrix: Matrix, from source: Int, tag: Int) { none() }
    func startSend(_ matrix: Matrix, to destination: Int, tag: Int) -> PendingCollective { none() }
    func startSend(_ values: [Double], to destination: Int, tag: Int) -> PendingCollective { none() }
    func receive(count: Int, from source: Int, tag: Int) -> [Double] { none() }
    func barrier() { none() }
    func startAllToAll(_ matrix: Matrix, parts: [Range<Int>], into received: Matrix) -> PendingCollective { none() }
    func startAllGather(_ matrix: Matrix, parts: [Range<Int>]) -> PendingCollective { none() }
}

@Suite struct ShardedOptimizerTests {
    private let workers = Workers(threadCount: 2)
    private let configuration = unevenConfiguration(.qwen2)

    /// The same values and gradients each time, of all of a model's parameters; between them zeros.
    private func policy() throws -> Transformer<Trainable> {
        let table = ParameterTable(configuration)
        let parameters = try TrainableParameters(
            table, sharding: ModelSharding(configuration, size: 1), rank: 0,
            source: RandomParameters(configuration: configuration, seed: 3))
        var random = KeyedRandom(key: 7, 1)
        for gradient in parameters.gradients {
            for index in 0..<gradient.elementCount { gradient.pointer[index] = Float(random.nextUnit() - 0.5) }
        }
        return Transformer<Trainable>(configuration, parameters: parameters, tensor: SoloGroup(), workers: workers)
    }

    private func optimizer(
        _ policy: Transformer<Trainable>, rank: Int, of ranks: Int, bucket: Int, zero: ZeroStage = .optimizerState
    ) -> Optimizer {
        let group = LoneRank(rank: rank, size: ranks)
        let mesh = Mesh(
            layout: ParallelLayout(data: ranks, tensor: 1), world: group, tensor: SoloGroup(), data: group,
            hosts: (0..<ranks).map { "host\($0)" })
        let partition = FlatPartition(
            count: policy.parameters.valueBlock.flat.columnCount, rankCount: ranks, bucketCount: bucket)
        return Optimizer(
            policy, settings: OptimizerSettings(learningRate: 1e-2, weightDecay: 0.3), partition: partition, zero: zero,
            mesh: mesh, workers: workers)
    }

    @Test(
        "ranks that update a shard each do together what one does alone, to the bit: clipping, decay and moments",
        arguments: [(1, 5000), (2, 1 << 20), (2, 777), (3, 10_000), (4, 16), (7, 4099)])
    func together(ranks: Int, bucket: Int) throws {
        let whole = try policy()
        let alone = optimizer(whole, rank: 0, of: 1, bucket: 1 << 20, zero: .nothing)
        let norm = try alone.gradientNorm()
        for _ in 0..<3 { alone.update(learningRate: 1e-2, gradientNorm: norm) }
        let start = try policy().parameters.valueBlock.flat

        var squares = 0.0
        var momentCount = 0
        let result = Matrix(rowCount: 1, columnCount: start.columnCount)
        for rank in 0..<ranks {
            let policy = try policy()
            let optimizer = optimizer(policy, rank: rank, of: ranks, bucket: bucket)
            let own = try optimizer.gradientNorm()
            squares += own * own
            for _ in 0..<3 { optimizer.update(learningRate: 1e-2, gradientNorm: norm) }
            let shard = FlatPartition(count: start.columnCount, rankCount: ranks, bucketCount: bucket).shard(of: rank)
            momentCount += optimizer.firstMoments.elementCount
            var offset = 0
            for range in shard {
                result.columns(range).copy(from: policy.parameters.valueBlock.flat.columns(range))
                let place = offset..<offset + range.count
                for (moments, expected) in [
                    (optimizer.firstMoments, alone.firstMoments), (optimizer.secondMoments, alone.secondMoments),
                ] { #expect(moments.columns(place).values == expected.columns(range).values) }
                offset += range.count
            }
        }
        #expect(abs(squares.squareRoot() - norm) <= 1e-13 * norm, "a gradient was counted twice, or not at all")
        #expect(momentCount == start.columnCount)
        #expect(result.values.map(\.bitPattern) == whole.parameters.valueBlock.flat.values.map(\.bitPattern))
        #expect(result.values != start.values)
    }

    @Test("norm weights and biases are spared from decay where a shard begins or ends inside them", arguments: [16, 48, 4099])
    func decay(bucket: Int) throws {
        for rank in 0..<3 {
            let policy = try policy()
            let before = policy.parameters.values.map(\.values)
            policy.parameters.gradientBlock.flat.fill(0)
            let optimizer = optimizer(policy, rank: rank, of: 3, bucket: bucket)
            optimizer.update(learningRate: 1e-2, gradientNorm: 0)
            let own = FlatPartition(count: policy.parameters.valueBlock.flat.columnCount, rankCount: 3, bucketCount: bucket)
                .shard(of: rank)
            let updated = Set(own.joined())
            for (index, specification) in policy.table.specifications.enumerated() {
                let start = policy.parameters.valueBlock.range(of: index).lowerBound
                let moved = zip(before[index], policy.parameters.values[index].values).enumerated()
                    .filter { $0.element.0 != $0.element.1 }.map(\.offset)
                let expected =
                    specification.isVector
                    ? []
                    : before[index].indices
                        .filter { before[index][$0] != 0 && updated.contains(start + $0) }
                #expect(moved == expected, "\(specification.name)")
            }
        }
    }
}
