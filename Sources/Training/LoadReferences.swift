import Collectives
import Kernels
import Model
import Settings
import Tensors

/// A frozen forward for each reference; none of it exists when the configuration names no references.
///
/// - Parameter policy: the cut of the policy's vocabulary, which every reference follows, so that a rank's logits of
///   policy and teacher are of the same tokens.
func loadReferences(
    _ run: ResolvedRun, mesh: Mesh, workers: Workers, vocabularyLike policy: ModelSharding
) throws(Failure) -> [any PreprocessingHook] {
    var hooks: [any PreprocessingHook] = []
    for (settings, origin) in run.references {
        let needs = run.needs(ofReference: settings.name)
        let model = try loadFrozen(
            origin, mesh: mesh, workers: workers, storage: settings.storage.elementType, vocabularyLike: policy)
        model.reserve(tokenCount: run.largestMicroBatch)
        hooks.append(
            ReferenceForward(
                name: settings.name, model: model, scoring: needs.logProbabilities, layers: needs.layers))
    }
    return hooks
}

/// - Parameter storage: nil keeps the file's own type.
func loadFrozen(
    _ origin: ModelOrigin, mesh: Mesh, workers: Workers, storage: ElementType? = nil,
    vocabularyLike other: ModelSharding? = nil
) throws(Failure) -> Transformer<Frozen> {
    let own = ModelSharding(origin.configuration, size: mesh.tensor.size)
    let sharding = other.map(own.cuttingVocabulary) ?? own
    let parameters = try FrozenParameters(
        ParameterTable(origin.configuration), sharding: sharding, rank: mesh.tensor.rank, source: origin.source,
        storage: storage)
    return Transformer(
        origin.configuration, parameters: parameters, tensor: mesh.tensor, workers: workers, sharding: sharding)
}

extension ReferenceStorage {
    var elementType: ElementType? {
        switch self {
        case .file: nil
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }
}
