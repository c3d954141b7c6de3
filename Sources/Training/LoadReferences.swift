import Collectives
import Kernels
import Model
import Settings
import Tensors

/// The run's references as this rank has them.
struct LoadedReferences {
    /// In the policy's layout.
    var hooks: [any PreprocessingHook] = []
    /// In layouts of their own.
    var bridges: [ReferenceBridge] = []
    /// Further groups that this rank waits in.
    var groups: [any ProcessGroup] = []
}

/// A frozen forward for each reference; none of it exists when the configuration names no references. Collective over all
/// ranks; a failure on one of them is thrown by all.
///
/// - Parameter policy: the cut of the policy's vocabulary, which every reference of its layout follows, so that a rank's
///   logits of policy and teacher are of the same tokens.
func loadReferences(
    _ run: ResolvedRun, mesh: Mesh, workers: Workers, vocabularyLike policy: ModelSharding
) throws -> LoadedReferences {
    var loaded = LoadedReferences()
    for (index, (settings, origin)) in run.references.enumerated() {
        let needs = run.needs(ofReference: settings.name)
        let loader = ReferenceLoader(run: run, settings: settings, origin: origin, mesh: mesh, workers: workers)
        guard let placement = run.placements[settings.name] else {
            loaded.hooks.append(try loader.forward(mesh.tensor, vocabularyLike: policy, needs: needs)!)
            continue
        }
        let group = try mesh.group("reference \(settings.name)", among: placement.replicas)
        loaded.bridges.append(
            ReferenceBridge(
                name: settings.name, placement: placement, policy: mesh.layout, world: mesh.world,
                forward: try loader.forward(group, vocabularyLike: nil, needs: needs),
                head: needs.distributions ? try loader.head(vocabularyLike: policy) : nil,
                needs: needs, width: origin.configuration.hiddenSize, tag: index))
        if let group { loaded.groups.append(group) }
    }
    return loaded
}

/// Loads one reference, whatever its layout. All ranks take part in every call.
private struct ReferenceLoader {
    let run: ResolvedRun
    let settings: ReferenceSettings
    let origin: ModelOrigin
    let mesh: Mesh
    let workers: Workers

    /// - Parameter group: the tensor ranks of this rank's copy; nil where it has none.
    func forward(
        _ group: (any ProcessGroup)?, vocabularyLike policy: ModelSharding?, needs: ReferenceNeeds
    ) throws -> ReferenceForward? {
        let table = ParameterTable(origin.configuration)
        let sharding = group.map { group in
            let own = ModelSharding(origin.configuration, size: group.size)
            return policy.map(own.cuttingVocabulary) ?? own
        }
        let mapped = try mesh.agreed {
            try group.map {
                try FrozenParameters(table, sharding: sharding!, rank: $0.rank, source: origin.source)
            }
        }
        guard let held = try hold(mapped, shard: group?.rank), let group else { return nil }
        let model = Transformer<Frozen>(
            origin.configuration, parameters: held, tensor: group, workers: workers, sharding: sharding)
        model.reserve(tokenCount: run.largestMicroBatch)
        return ReferenceForward(name: settings.name, model: model, scoring: needs.logProbabilities, layers: needs.layers)
    }

    /// The weights in the type that `storage` asks for: where it is not the file's, a copy that ranks of a node with the same
    /// shard share.
    private func hold(_ mapped: FrozenParameters?, shard: Int?) throws -> FrozenParameters? {
        guard let type = settings.storage.elementType else { return mapped }
        let node = try mesh.node(shard: shard ?? mesh.world.size)
        try mesh.agreed { try checkRoom(node.isWriter && node.size > 1 ? mapped?.convertedByteCount(type) ?? 0 : 0) }
        return try mapped.map { try $0.converted(to: type, sharedBy: node) }
    }

    /// Memory that processes share has a limit of its own, and writing past it kills them.
    private func checkRoom(_ byteCount: Int) throws(Failure) {
        guard let room = sharedMemoryRoom(), byteCount > room else { return }
        func mebibytes(_ byteCount: Int) -> String { "\((byteCount + 0xFFFFF) >> 20) MiB" }
        throw .configuration(
            "\(run.configuration.file): references.\(settings.name).storage",
            "is \(settings.storage.rawValue), a copy of \(mebibytes(byteCount)) that the node's ranks share, and /dev/shm has "
                + "\(mebibytes(room)) left",
            remedy: "Enlarge /dev/shm (mount -o remount,size=…), or set storage: file.")
    }

    /// The rows of a teacher's head that go with this rank's part of the policy's vocabulary.
    func head(vocabularyLike policy: ModelSharding) throws -> WeightView {
        try mesh.agreed {
            let rows = try FrozenParameters.head(
                ParameterTable(origin.configuration),
                sharding: ModelSharding(origin.configuration, size: mesh.tensor.size).cuttingVocabulary(like: policy),
                rank: mesh.tensor.rank, source: origin.source)
            guard let type = settings.storage.elementType, type != rows.elementType else { return .stored(rows) }
            return .stored(rows.converted(to: type))
        }
    }
}

/// A frozen model in its file's own type.
func loadFrozen(
    _ origin: ModelOrigin, tensor: any ProcessGroup, workers: Workers
) throws(Failure) -> Transformer<Frozen> {
    let sharding = ModelSharding(origin.configuration, size: tensor.size)
    let parameters = try FrozenParameters(
        ParameterTable(origin.configuration), sharding: sharding, rank: tensor.rank, source: origin.source)
    return Transformer(origin.configuration, parameters: parameters, tensor: tensor, workers: workers, sharding: sharding)
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
