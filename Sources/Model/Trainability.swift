import Kernels
import Settings
import Tensors

/// Whether a model learns, as a type: `Transformer<Trainable>` has gradients and `backward`, `Transformer<Frozen>` has
/// neither, so giving a frozen model to the optimizer does not compile.
public protocol Trainability {
    associatedtype Parameters: ParameterValues
    /// Activations of every layer are kept for backward.
    static var keepsActivations: Bool { get }
}

public enum Trainable: Trainability {
    public typealias Parameters = TrainableParameters
    public static var keepsActivations: Bool { true }
}

public enum Frozen: Trainability {
    public typealias Parameters = FrozenParameters
    public static var keepsActivations: Bool { false }
}

/// This rank's part of every parameter, by index in the table.
public protocol ParameterValues {
    func weight(_ index: Int) -> WeightView
    /// A norm's weight or a bias, `[1, n]`.
    func vector(_ index: Int) -> Matrix
}

/// Values and gradients in float32, each one flat block of memory in the table's order.
public final class TrainableParameters: ParameterValues {
    public let valueBlock: FlatBlock
    public let gradientBlock: FlatBlock

    /// Copies this rank's part of every tensor of `source`.
    ///
    /// - Throws: `Failure` when a tensor is missing or has another shape.
    public init(
        _ table: ParameterTable, sharding: ModelSharding, rank: Int, source: some ParameterSource
    ) throws(Failure) {
        valueBlock = FlatBlock(table, sharding: sharding, rank: rank)
        gradientBlock = FlatBlock(table, sharding: sharding, rank: rank)
        for (specification, value) in zip(table.specifications, valueBlock.parts) {
            try source.part(specification, sharding: sharding, rank: rank).widen(into: value)
        }
    }

    /// By index in the table.
    public var values: [Matrix] { valueBlock.parts }
    public var gradients: [Matrix] { gradientBlock.parts }

    public func weight(_ index: Int) -> WeightView { .floats(values[index]) }
    public func vector(_ index: Int) -> Matrix { values[index] }
}

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

extension ParameterSource {
    func part(
        _ specification: ParameterSpecification, sharding: ModelSharding, rank: Int
    ) throws(Failure) -> StoredMatrix {
        let whole = try matrix(
            named: specification.name, rowCount: specification.rowCount, columnCount: specification.columnCount)
        let part = specification.part(sharding, rank: rank)
        return whole.rows(part.rows).columns(part.columns)
    }
}
