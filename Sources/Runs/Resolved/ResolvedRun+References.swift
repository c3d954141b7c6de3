import Collectives
import Kernels
import Model
import References

extension ResolvedRun {
    /// The references as this rank has them. Collective over all ranks.
    ///
    /// - Parameter policy: the cut of the policy's vocabulary.
    package func loadReferences(mesh: Mesh, workers: Workers, vocabularyLike policy: ModelSharding) throws -> LoadedReferences {
        try LoadedReferences(
            loading: references.map { settings, origin in
                ReferenceModel(
                    settings, configuration: origin.configuration, source: origin.source, placement: placements[settings.name],
                    needs: needs(ofReference: settings.name))
            },
            tokensPerMicroBatch: largestMicroBatch, mesh: mesh, workers: workers, vocabularyLike: policy, place: configuration.file)
    }
}
