import Collectives
import Kernels
import Model
import Settings
import Tensors

/// Loads one reference in any layout. All ranks take part in every call.
struct ReferenceLoader {
    let model: ReferenceModel
    /// The largest number of tokens of a micro-batch.
    let tokensPerMicroBatch: Int
    let mesh: Mesh
    let workers: Workers
    /// The configuration's file, for errors.
    let place: String

    /// - Parameter group: the tensor ranks of this rank's copy; nil if this rank holds no shard.
    func forward(
        _ group: (any ProcessGroup)?, vocabularyLike policy: ModelSharding?
    ) throws -> ReferenceForward? {
        let table = ParameterTable(model.configuration)
        let sharding = group.map { group in
            let own = ModelSharding(model.configuration, size: group.size)
            return policy.map(own.cuttingVocabulary) ?? own
        }
        let mapped = try mesh.agreed {
            try group.map {
                try FrozenParameters(table, sharding: sharding!, rank: $0.rank, source: model.source)
            }
        }
        guard let held = try hold(mapped, shard: group?.rank), let group else { return nil }
        let transformer = Transformer<Frozen>(
            model.configuration, parameters: held, tensor: group, workers: workers, sharding: sharding)
        transformer.reserve(tokenCount: tokensPerMicroBatch)
        return ReferenceForward(
            name: model.settings.name, model: transformer, scoring: model.needs.logProbabilities, layers: model.needs.layers)
    }

    /// The weights in the type that `storage` asks for. If the file has another type, the ranks of a node with the same
    /// shard share a converted copy.
    private func hold(_ mapped: FrozenParameters?, shard: Int?) throws -> FrozenParameters? {
        guard let type = model.settings.storage.elementType else { return mapped }
        let node = try mesh.node(shard: shard ?? mesh.world.size)
        try mesh.agreed { try checkRoom(node.isWriter && node.size > 1 ? mapped?.convertedByteCount(type) ?? 0 : 0) }
        return try mapped.map { try $0.converted(to: type, sharedBy: node) }
    }

    /// Shared memory has a limit of its own, and writing past it kills the process.
    private func checkRoom(_ byteCount: Int) throws(Failure) {
        guard let room = sharedMemoryRoom(), byteCount > room else { return }
        func mebibytes(_ byteCount: Int) -> String { "\((byteCount + 0xFFFFF) >> 20) MiB" }
        throw .configuration(
            "\(place): references.\(model.settings.name).storage",
            "is \(model.settings.storage.rawValue), a copy of \(mebibytes(byteCount)) that the ranks of a node share, but /dev/shm has "
                + "\(mebibytes(room)) left",
            remedy: "Enlarge /dev/shm (mount -o remount,size=…), or set storage: file.")
    }

    /// A teacher's head for this rank's shard of the policy's vocabulary.
    func head(vocabularyLike policy: ModelSharding) throws -> HeadView {
        try mesh.agreed {
            let table = ParameterTable(model.configuration)
            let sharding = ModelSharding(model.configuration, size: mesh.tensor.size).cuttingVocabulary(like: policy)
            var rows = try FrozenParameters.head(table, sharding: sharding, rank: mesh.tensor.rank, source: model.source)
            if let type = model.settings.storage.elementType, type != rows.elementType { rows = rows.converted(to: type) }
            return HeadView(
                weight: .stored(rows),
                bias: try FrozenParameters.headBias(table, sharding: sharding, rank: mesh.tensor.rank, source: model.source),
                softCap: model.configuration.head.softCap)
        }
    }
}

extension ReferenceStorage {
    package var elementType: ElementType? {
        switch self {
        case .file: nil
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }
}
