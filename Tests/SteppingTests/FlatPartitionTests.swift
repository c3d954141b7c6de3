import Model
import Testing

@testable import Stepping

@Suite struct FlatPartitionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let count, ranks: Int
        let bucket: Int?
        var testDescription: String { "\(count) floats, \(ranks) ranks, buckets of \(bucket.map(String.init) ?? "their own choice")" }

        static let all = [
            Case(count: 0, ranks: 2, bucket: nil), Case(count: 1, ranks: 3, bucket: nil), Case(count: 16, ranks: 1, bucket: 16),
            Case(count: 1000, ranks: 2, bucket: 1000), Case(count: 1000, ranks: 3, bucket: 99),
            Case(count: 4096, ranks: 4, bucket: 1024), Case(count: 100, ranks: 7, bucket: 33),
            Case(count: 105_312, ranks: 6, bucket: nil), Case(count: 134_515_008, ranks: 5, bucket: nil),
        ]
    }

    @Test("every float belongs to one bucket, to one part of it, and to one rank's shard", arguments: Case.all)
    func covers(_ test: Case) {
        let partition = FlatPartition(count: test.count, rankCount: test.ranks, bucketCount: test.bucket)
        var end = test.count
        for bucket in partition.buckets {
            #expect(bucket.upperBound == end && !bucket.isEmpty && bucket.count <= partition.bucketCount)
            end = bucket.lowerBound
            let parts = partition.parts(of: bucket)
            #expect(parts.count == test.ranks)
            #expect(parts.first!.lowerBound == bucket.lowerBound && parts.last!.upperBound == bucket.upperBound)
            #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(parts.allSatisfy { $0.count <= partition.largestPart })
            #expect(parts.map(\.count).max()! - parts.map(\.count).min()! <= 16 + bucket.count % 16 + 15)
        }
        #expect(end == 0)
        let shards = (0..<test.ranks).map(partition.shard)
        #expect(shards.allSatisfy { zip($0, $0.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound } })
        let all = shards.joined().sorted { $0.lowerBound < $1.lowerBound }
        #expect(all.reduce(0) { $0 + $1.count } == test.count)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    }

    @Test("a small block has several buckets too, and none of a large one is above 4 MiB")
    func sizes() {
        #expect(FlatPartition(count: 105_312, rankCount: 2).buckets.count == 7)
        #expect(FlatPartition(count: 1 << 20, rankCount: 2).buckets.count == 16)
        #expect(FlatPartition(count: 134_515_008, rankCount: 2).bucketCount == 1 << 20)
    }

    @Test("pieces are what ranges and parameters have in common, with their places in the shard's own memory")
    func pieces() {
        let pieces = ShardPiece.all(of: [4..<20, 30..<34, 40..<70], parameters: [0..<10, 16..<32, 32..<33, 48..<64])
        #expect(
            pieces == [
                ShardPiece(parameter: 0, range: 4..<10, offset: 0), ShardPiece(parameter: 1, range: 16..<20, offset: 12),
                ShardPiece(parameter: 1, range: 30..<32, offset: 16), ShardPiece(parameter: 2, range: 32..<33, offset: 18),
                ShardPiece(parameter: 3, range: 48..<64, offset: 28),
            ])
    }
}
