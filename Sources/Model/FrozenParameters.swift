import Kernels
import Settings
import Tensors

/// A frozen model's weights: views into the mapped file, in the file's own type, or a copy where another type is asked for.
///
/// All ranks of a node share the file's pages. Vectors (norms, biases) are widened at loading: they are small.
public final class FrozenParameters: ParameterValues {
    private let weights: [StoredMatrix]
    private let vectors: [Int: Matrix]

    /// - Parameter storage: the type to hold matrices in; nil keeps the file's.
    /// - Throws: `Failure` when a tensor is missing or has another shape.
    public init(
        _ table: ParameterTable, sharding: ModelSharding, rank: Int, source: some ParameterSource,
        storage: ElementType? = nil
    ) throws(Failure) {
        var weights: [StoredMatrix] = []
        var vectors: [Int: Matrix] = [:]
        for (index, specification) in table.specifications.enumerated() {
            var part = try source.part(specification, sharding: sharding, rank: rank)
            if specification.isVector {
                let vector = Matrix(rowCount: 1, columnCount: part.columnCount)
                part.widen(into: vector)
                vectors[index] = vector
            } else if let storage, storage != part.elementType {
                part = part.converted(to: storage)
            }
            weights.append(part)
        }
        self.weights = weights
        self.vectors = vectors
    }

    public func weight(_ index: Int) -> WeightView { .stored(weights[index]) }
    public func vector(_ index: Int) -> Matrix { vectors[index]! }
}
