import Collectives
import Kernels
import Model
import References

extension ResolvedRun {
    /// Loads this rank's shards of the references. Collective over all ranks.
    ///
    /// - Parameter policy: sharding of the policy's vocabulary.
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
