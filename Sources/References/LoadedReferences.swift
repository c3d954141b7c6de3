import Collectives
import Kernels
import Model
import Settings

/// The run's references as this rank has them.
package struct LoadedReferences {
    /// In the policy's layout.
    package var hooks: [any PreprocessingHook] = []
    /// In layouts of their own.
    package var bridges: [ReferenceBridge] = []
    /// Further groups that this rank waits in.
    package var groups: [any ProcessGroup] = []

    /// Makes a frozen forward for each reference; nothing where there are none. Collective over all ranks; a failure on one of
    /// them is thrown by all.
    ///
    /// - Parameters:
    ///   - tokensPerMicroBatch: at most.
    ///   - policy: the cut of the policy's vocabulary, which every reference of its layout follows, so that a rank's logits of
    ///     policy and teacher are of the same tokens.
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
