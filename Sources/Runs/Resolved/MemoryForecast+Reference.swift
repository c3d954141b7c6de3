import Costs
import Model
import References
import Settings
import Weights

extension ModelOrigin {
    /// Bytes of the weights in their file's type, as a frozen model holds them. A model with random initialisation is held
    /// in float32.
    var storedByteCount: Int {
        let stored = MemoryForecast.reference(name, self, storage: .file).storedByteCount
        return stored > 0 ? stored : 4 * configuration.parameterCount
    }
}

extension MemoryForecast {
    /// The memory for `origin` held in `storage`. Reads only headers.
    public static func reference(
        _ name: String, _ origin: ModelOrigin, storage: ReferenceStorage, placement: ReferencePlacement? = nil
    ) -> Reference {
        let table = ParameterTable(origin.configuration)
        let checkpoint = origin.source as? HuggingFaceCheckpoint
        let tensors = table.specifications.compactMap { specification in
            checkpoint?.tensor(named: specification.name).map { (specification.isVector, tensor: $0) }
        }
        let target = storage.elementType
        let converted = target != nil && tensors.contains { isVector, tensor in !isVector && tensor.type.elementType != target }
        let stored =
            converted
            ? origin.configuration.parameterCount * target!.byteCount : tensors.reduce(0) { $0 + $1.tensor.byteCount }
        return (name, origin.configuration, stored, placement)
    }
}
