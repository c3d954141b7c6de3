import Collectives
import Model
import Settings
import Tensors
import Weights

/// Writes a trainable model as a Hugging Face folder: tensors are put together one at a time, so memory stays small.
struct Exporter {
    let mesh: Mesh
    let policy: Transformer<Trainable>
    let origin: ModelOrigin
    let elementType: ElementType
    /// Folders that are mapped and must not be replaced.
    let protected: [String]

    /// Collective over all ranks; the first one writes.
    func run(to folder: String, quantity: Transformer<Trainable>.Quantity = .values) throws {
        // Data ranks hold the same values: the first tensor group is enough.
        guard mesh.isFirst else {
            if mesh.data.rank == 0 {
                for index in policy.table.specifications.indices { _ = try policy.gather(index, quantity) }
            }
            try mesh.agreed {}
            return
        }
        try mesh.agreed { try write(to: folder, quantity: quantity) }
    }

    private func write(to folder: String, quantity: Transformer<Trainable>.Quantity) throws {
        let tensors = policy.table.specifications.map {
            SafetensorsWriter.Tensor(name: $0.name, elementType: elementType, shape: $0.shape)
        }
        // A failed write must not leave the other tensor ranks waiting: they send all the same.
        var failure: Failure?
        var export: HuggingFaceExport?
        do throws(Failure) {
            export = try HuggingFaceExport(
                to: folder, configurationJSON: origin.configurationJSON(for: elementType), tensors: tensors,
                copyingFrom: origin.tokenizerFolder, protecting: protected)
        } catch { failure = error }
        for (index, specification) in policy.table.specifications.enumerated() {
            let whole = try policy.gather(index, quantity)!
            guard failure == nil else { continue }
            do throws(Failure) { try export!.append(whole, to: specification.name) } catch { failure = error }
        }
        if let failure { throw failure }
        try export.take()!.commit()
    }
}
