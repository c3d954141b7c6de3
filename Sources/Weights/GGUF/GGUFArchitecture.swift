import Settings

/// The model that a GGUF file's metadata describe.
///
/// As with `config.json`, every key of the architecture is read, or known not to change the mathematics, or must have a value
/// that Tandem implements. Any other key is refused by name.
struct GGUFArchitecture {
    let configuration: ModelConfiguration

    /// - Throws: `Failure`: damaged data for an impossible value, configuration for a model that Tandem does not implement.
    init(_ file: GGUFFile) throws(Failure) {
        let metadata = file.metadata
        let family = try GGUFArchitecture.family(metadata)
        let prefix = family.rawValue + "."
        try GGUFArchitecture.checkKeys(metadata, prefix: prefix)
        let hiddenSize = try metadata.size(prefix + "embedding_length")
        let headCount = try metadata.size(prefix + "attention.head_count")
        let layerCount = try metadata.size(prefix + "block_count")
        // Each layer has tensors of its own. This check also limits the work that follows.
        guard layerCount <= file.tensors.count else {
            throw metadata.damaged(prefix + "block_count", "is more layers than the file has tensors (\(file.tensors.count))")
        }
        let configuration = ModelConfiguration(
            family: family,
            vocabularySize: try GGUFArchitecture.vocabularySize(file, prefix: prefix),
            hiddenSize: hiddenSize,
            feedForwardSize: try metadata.size(prefix + "feed_forward_length"),
            layerCount: layerCount,
            headCount: headCount,
            keyValueHeadCount: try metadata.optionalSize(prefix + "attention.head_count_kv") ?? headCount,
            headDimension: try GGUFArchitecture.headDimension(
                metadata, prefix: prefix, hiddenSize: hiddenSize, headCount: headCount),
            ropeTheta: try metadata.positive(prefix + "rope.freq_base", default: 10000),
            normEpsilon: try metadata.positive(prefix + "attention.layer_norm_rms_epsilon"),
            tiedEmbeddings: try GGUFArchitecture.isTied(file),
            projectionBias: family == .qwen2,
            maximumPositions: try metadata.size(prefix + "context_length"),
            initializerRange: 0.02)
        guard configuration.headCount.isMultiple(of: configuration.keyValueHeadCount) else {
            throw metadata.damaged(prefix + "attention.head_count_kv", "does not divide head_count = \(headCount)")
        }
        self.configuration = configuration
    }

    private static func family(_ metadata: GGUFMetadata) throws(Failure) -> ModelFamily {
        if let kind = try metadata.text("general.type"), kind != "model" {
            throw metadata.unsupported("general.type", "is not a model of its own")
        }
        if let parts = metadata["split.count"]?.integer, parts > 1 {
            throw .configuration(
                metadata.path, "is one of \(parts) parts of a split model, which is not implemented",
                remedy: "Merge them first, with llama-gguf-split --merge.")
        }
        let key = "general.architecture"
        let name = try metadata.requiredText(key)
        guard let family = [ModelFamily.llama, .qwen2].first(where: { $0.rawValue == name }) else {
            throw .configuration(
                metadata.path, "\(key) = \(metadata[key]!.excerpt) is not implemented",
                remedy: "Use a GGUF file of the llama or qwen2 architecture.")
        }
        if let version = metadata["general.quantization_version"], version.integer != 2 {
            throw metadata.unsupported("general.quantization_version", "is not implemented, only 2")
        }
        return family
    }

    /// The format has no key for a tied head. A tied head is left out of the file, or stored as a copy of the embedding.
    private static func isTied(_ file: GGUFFile) throws(Failure) -> Bool {
        guard let head = file.tensor(named: GGUFTensorTable.headName) else { return true }
        guard let embedding = file.tensor(named: GGUFTensorTable.embeddingName) else { return false }
        return try file.holdSameValues(head, embedding)
    }

    private static func vocabularySize(_ file: GGUFFile, prefix: String) throws(Failure) -> Int {
        guard let embedding = file.tensor(named: GGUFTensorTable.embeddingName) else {
            throw .damagedFile(file.path, "has no tensor \(GGUFTensorTable.embeddingName)")
        }
        let rowCount = embedding.rowCount
        if let size = try file.metadata.optionalSize(prefix + "vocab_size"), size != rowCount {
            throw file.metadata.damaged(
                prefix + "vocab_size", "contradicts the \(rowCount) rows of tensor \(embedding.name)")
        }
        return rowCount
    }

    /// The number of dimensions of a head. Queries, keys and values have the same number, and rotary positions rotate all of
    /// them.
    private static func headDimension(
        _ metadata: GGUFMetadata, prefix: String, hiddenSize: Int, headCount: Int
    ) throws(Failure) -> Int {
        let stated = try metadata.optionalSize(prefix + "attention.key_length")
        guard stated != nil || hiddenSize.isMultiple(of: headCount) else {
            throw metadata.damaged(
                prefix + "attention.head_count", "does not divide embedding_length = \(hiddenSize), and there is no key_length")
        }
        let dimension = stated ?? hiddenSize / headCount
        guard dimension.isMultiple(of: 2) else {
            throw .damagedFile(metadata.path, "has heads of \(dimension) numbers, but rotary positions need an even number")
        }
        for key in ["attention.value_length", "rope.dimension_count"] {
            guard let other = try metadata.optionalSize(prefix + key), other != dimension else { continue }
            throw metadata.unsupported(prefix + key, "is not implemented if it differs from the head dimension \(dimension)")
        }
        return dimension
    }

    private static func checkKeys(_ metadata: GGUFMetadata, prefix: String) throws(Failure) {
        for key in metadata.keys where key.hasPrefix(prefix) {
            let name = String(key.dropFirst(prefix.count))
            if let accepted = fixedValues[name] {
                guard !accepted.contains(where: { $0.means(metadata[key]!) }) else { continue }
                throw metadata.unsupported(
                    key, "is not implemented, only \(accepted.map(\.excerpt).joined(separator: " or "))")
            }
            guard readKeys.contains(name) || harmlessKeys.contains(name) else {
                throw metadata.unsupported(key, "is not known: it may change the mathematics")
            }
        }
    }

    /// Keys whose values define the model.
    private static let readKeys: Set<String> = [
        "block_count", "context_length", "embedding_length", "feed_forward_length", "vocab_size", "rope.freq_base",
        "rope.dimension_count", "attention.head_count", "attention.head_count_kv", "attention.key_length",
        "attention.value_length", "attention.layer_norm_rms_epsilon",
    ]

    /// Keys that change the mathematics, with the values that Tandem implements. In llama.cpp a scaling factor without a type
    /// means linear scaling, and a factor of 0 means no scaling.
    private static let fixedValues: [String: [GGUFValue]] = [
        "rope.scaling.type": [.text("none")],
        "rope.scaling.factor": [.float32(0), .float32(1)],
        "rope.scale_linear": [.float32(1)],
        "attention.causal": [.flag(true)],
        "attention.sliding_window": [.unsigned(0)],
        "use_parallel_residual": [.flag(false)],
        "expert_count": [.unsigned(0)],
        "expert_used_count": [.unsigned(0)],
        "tensor_data_layout": [.text("Meta AI original pth")],
    ]

    /// Keys without effect if rotary positions are not scaled.
    private static let harmlessKeys: Set<String> = ["rope.scaling.original_context_length", "rope.scaling.finetuned"]
}

extension GGUFValue {
    /// Whether both values are equal. Numbers are compared by value, not by type.
    fileprivate func means(_ other: GGUFValue) -> Bool {
        if let mine = double, let theirs = other.double { return mine == theirs }
        return self == other
    }
}
