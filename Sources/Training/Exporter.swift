import Collectives
import Files
import Foundation
import Kernels
import Model
import Runs
import Settings
import Tensors
import Weights

/// Writes a trainable model as a Hugging Face folder. Tensors are gathered one at a time, so memory stays small.
struct Exporter {
    let mesh: Mesh
    let policy: Transformer<Trainable>
    let origin: ModelOrigin
    let elementType: ElementType
    /// Folders that are mapped into memory and must not be replaced.
    let protected: [String]

    /// Collective over all ranks; the first rank writes.
    ///
    /// - Returns: on the first rank, names of tensors with values that are not finite. A step checks losses and gradients
    ///   before its update, so no step has used the weights after the last update.
    @discardableResult
    func run(to folder: String, quantity: Transformer<Trainable>.Quantity = .values) throws -> [String] {
        // Data ranks hold the same weights: the first tensor group is enough.
        guard mesh.isFirst else {
            if mesh.data.rank == 0 {
                for index in 0..<policy.table.modelParameterCount { _ = try policy.gather(index, quantity) }
            }
            try mesh.agreed {}
            return []
        }
        return try mesh.agreed {
            let nonFinite = try write(to: folder, quantity: quantity)
            try writeProjections(besides: folder, quantity: quantity)
            return nonFinite
        }
    }

    /// Projections of hidden-state matching are not part of the model: they go into a separate file beside the folder.
    private func writeProjections(besides folder: String, quantity: Transformer<Trainable>.Quantity) throws {
        let indices = policy.table.specifications.indices.dropFirst(policy.table.modelParameterCount)
        guard !indices.isEmpty else { return }
        let file = try TemporaryFile(for: folder + "-projections.safetensors")
        var writer = try SafetensorsWriter(
            path: file.path,
            tensors: indices.map {
                let specification = policy.table.specifications[$0]
                return SafetensorsWriter.Tensor(
                    name: specification.name, elementType: elementType, shape: specification.shape)
            })
        for index in indices {
            try writer.append(try policy.gather(index, quantity)!, to: policy.table.specifications[index].name)
        }
        try writer.finish()
        try file.publish()
    }

    private func write(to folder: String, quantity: Transformer<Trainable>.Quantity) throws -> [String] {
        let specifications = policy.table.specifications.prefix(policy.table.modelParameterCount)
        let tensors = specifications.map {
            SafetensorsWriter.Tensor(name: $0.name, elementType: elementType, shape: $0.shape)
        }
        // After a failed write the other tensor ranks still send their shards, so the gathers go on.
        var failure: Failure?
        var export: HuggingFaceExport?
        var nonFinite: [String] = []
        do throws(Failure) {
            // The folder belongs to the run. Files that a user put beside the model stay there.
            export = try HuggingFaceExport(
                to: folder, others: .kept, configurationJSON: origin.configurationJSON(for: elementType), tensors: tensors,
                copyingFrom: origin.tokenizerFolder, protecting: protected)
        } catch { failure = error }
        for (index, specification) in specifications.enumerated() {
            let whole = try policy.gather(index, quantity)!
            guard failure == nil else { continue }
            if !Elementwise.sumOfSquares(whole, workers: policy.workers).isFinite { nonFinite.append(specification.name) }
            do throws(Failure) { try export!.append(whole, to: specification.name) } catch { failure = error }
        }
        if let failure { throw failure }
        try export.take()!.commit()
        return nonFinite
    }
}
