import Kernels
import Settings
import Tensors

/// The values, the gradients or one moment of all of a rank's parameters, in one block of memory.
public struct FlatBlock: Sendable {
    /// The whole block as one row, with alignment gaps. Data ranks reduce gradients in buckets of this row, and checkpoints
    /// store ranges of it.
    public let flat: Matrix
    /// One matrix per parameter, in the table's order.
    public let parts: [Matrix]

    /// New memory, zeroed.
    public init(_ table: ParameterTable, sharding: ModelSharding, rank: Int) {
        let places = FlatBlock.places(table, sharding: sharding, rank: rank)
        let floatCount = FlatBlock.floatCount(table, sharding: sharding, rank: rank)
        let storage = Storage(floatCount: floatCount)
        flat = Matrix(storage: storage, offset: 0, rowCount: 1, columnCount: floatCount)
        parts = places.map {
            Matrix(storage: storage, offset: $0.offset, rowCount: $0.rowCount, columnCount: $0.columnCount)
        }
    }

    /// The range of a parameter's numbers in `flat`.
    public func range(of index: Int) -> Range<Int> {
        let offset = parts[index].pointer - flat.pointer
        return offset..<offset + parts[index].elementCount
    }

    /// Where the numbers of parameter `index` and all later ones begin; the block's end behind the last.
    public func offset(from index: Int) -> Int { index < parts.count ? range(of: index).lowerBound : flat.columnCount }

    /// Number of floats in tensor rank `rank`'s block, gaps included.
    public static func floatCount(_ table: ParameterTable, sharding: ModelSharding, rank: Int) -> Int {
        places(table, sharding: sharding, rank: rank).last.map { aligned($0.offset + $0.rowCount * $0.columnCount) } ?? 0
    }

    /// The offset of each parameter in tensor rank `rank`'s block, in floats, in the table's order.
    public static func offsets(_ table: ParameterTable, sharding: ModelSharding, rank: Int) -> [Int] {
        places(table, sharding: sharding, rank: rank).map(\.offset)
    }

    private static func places(
        _ table: ParameterTable, sharding: ModelSharding, rank: Int
    ) -> [(offset: Int, rowCount: Int, columnCount: Int)] {
        var offset = 0
        return table.specifications.map { specification in
            let part = specification.part(sharding, rank: rank)
            defer { offset = aligned(offset + part.rows.count * part.columns.count) }
            return (offset, part.rows.count, part.columns.count)
        }
    }

    /// Each parameter starts on a cache line.
    private static func aligned(_ offset: Int) -> Int { (offset + 15) / 16 * 16 }
}
