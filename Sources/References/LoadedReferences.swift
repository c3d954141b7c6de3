import Collectives
import Kernels
import Model
import Settings

/// The run's references on this rank.
package struct LoadedReferences {
    /// References in the policy's layout.
    package var hooks: [any PreprocessingHook] = []
    /// References in layouts of their own.
    package var bridges: [ReferenceBridge] = []
    /// Groups made for the references, in which this rank also waits.
    package var groups: [any ProcessGroup] = []

    /// Makes a frozen forward for each reference. Collective over all ranks; if it fails on one rank, all ranks throw.
    ///
    /// - Parameters:
    ///   - tokensPerMicroBatch: the largest number of tokens of a micro-batch.
    ///   - policy: sharding of the policy's vocabulary. References in the policy's layout use the same sharding, so that a
    ///     rank's logits of policy and teacher belong to the same tokens.
    ///   - place: the configuration's file, for errors.
    package init(
        loading models: [ReferenceModel], tokensPerMicroBatch: Int, mesh: Mesh, workers: Workers, vocabularyLike policy: ModelSharding,
        place: String
    ) throws {
        for (index, model) in models.enumerated() {
            let loader = ReferenceLoader(
                model: model, tokensPerMicroBatch: tokensPerMicroBatch, mesh: mesh, workers: workers, place: place)
            guard let placement = model.placement else {
                hooks.append(try loader.forward(mesh.tensor, vocabularyLike: policy)!)
                continue
            }
            let name = model.settings.name
            let group = try mesh.group("reference \(name)", among: placement.replicas)
            bridges.append(
                ReferenceBridge(
                    name: name, placement: placement, policy: mesh.layout, world: mesh.world,
                    forward: try loader.forward(group, vocabularyLike: nil),
                    head: model.needs.distributions ? try loader.head(vocabularyLike: policy) : nil,
                    needs: model.needs, width: model.configuration.hiddenSize, tag: index))
            if let group { groups.append(group) }
        }
    }
}
