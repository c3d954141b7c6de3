import Kernels
import Settings
import Tensors

/// One number for each of a rank's parameters (values, gradients, or a moment), in one block of memory.
public struct FlatBlock: Sendable {
    /// All of them as one row, gaps of alignment included: what data ranks add up in buckets, and checkpoints hold.
    public let flat: Matrix
    /// A matrix a parameter, in the table's order.
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

    /// Where a parameter's numbers stand among all of them.
    public func range(of index: Int) -> Range<Int> {
        let offset = parts[index].pointer - flat.pointer
        return offset..<offset + parts[index].elementCount
    }

    /// Floats of tensor rank `rank`'s block, gaps included.
    public static func floatCount(_ table: ParameterTable, sharding: ModelSharding, rank: Int) -> Int {
        places(table, sharding: sharding, rank: rank).last.map { aligned($0.offset + $0.rowCount * $0.columnCount) } ?? 0
    }

    /// Of tensor rank `rank`'s block: floats before each parameter, in the table's order.
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
