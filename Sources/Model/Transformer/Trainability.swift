import Kernels
import Settings
import Tensors

/// Whether a model learns, as a type: `Transformer<Trainable>` has gradients and `backward`, `Transformer<Frozen>` has
/// neither, so giving a frozen model to the optimizer does not compile.
public protocol Trainability {
    associatedtype Parameters: ParameterStore
    /// Whether activations are kept for backward.
    static var keepsActivations: Bool { get }
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
