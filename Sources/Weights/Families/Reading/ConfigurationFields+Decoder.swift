import JSON
import Settings

extension ConfigurationFields {
    /// The most layers that are read. The limit bounds the work per layer for a damaged file.
    static let layerLimit = 1 << 16

    /// A decoder of equal blocks as Llama has them, with the sizes of these fields. A family changes the parts that differ.
    ///
    /// - Throws: `Failure`: damaged data for an impossible value, configuration for an activation or rotary positions that are
    ///   not implemented.
    func decoder(_ family: ModelFamily, _ defaults: DecoderDefaults) throws(Failure) -> ModelConfiguration {
        let names = defaults.names
        let maximumPositions = try size(names.positions, default: defaults.maximumPositions)
        let hiddenSize = try size(names.hiddenSize)
        let headCount = try size(names.heads)
        let headDimension = try headDimension(defaults, hiddenSize: hiddenSize, headCount: headCount)
        var rotary: RotaryConfiguration?
        if let positions = defaults.rotary {
            rotary = try self.rotary(positions, headDimension: headDimension, maximumPositions: maximumPositions)
        }
        let norm = NormConfiguration(
            defaults.norm.kind, epsilon: try positive(defaults.norm.field, default: defaults.norm.epsilon),
            weight: defaults.norm.weight, hasBias: defaults.norm.hasBias)
        let block = BlockConfiguration(
            attention: AttentionConfiguration(
                headCount: headCount, keyValueHeadCount: try keyValueHeads(defaults, headCount: headCount),
                headDimension: headDimension, rotary: rotary),
            feedForward: FeedForwardConfiguration(
                size: try feedForwardSize(defaults, hiddenSize: hiddenSize),
                activation: try activation(names.activation, default: defaults.activation)),
            norm: norm)
        let layerCount = try size(names.layers)
        guard layerCount <= ConfigurationFields.layerLimit else {
            throw damaged(names.layers, "is more than \(ConfigurationFields.layerLimit)")
        }
        return ModelConfiguration(
            family: family, vocabularySize: try size("vocab_size"), hiddenSize: hiddenSize,
            blocks: [BlockConfiguration](repeating: block, count: layerCount), finalNorm: norm,
            head: HeadConfiguration(isTied: try flag("tie_word_embeddings", default: defaults.isTied)),
            maximumPositions: maximumPositions,
            initializerRange: try positive("initializer_range", default: defaults.initializerRange))
    }

    private func headDimension(_ defaults: DecoderDefaults, hiddenSize: Int, headCount: Int) throws(Failure) -> Int {
        if value("head_dim") != nil { return try size("head_dim") }
        // A null means the quotient, unlike a field that is absent.
        if let dimension = defaults.headDimension, object["head_dim"] == nil { return dimension }
        guard hiddenSize.isMultiple(of: headCount) else {
            throw damaged(
                defaults.names.heads, "does not divide \(defaults.names.hiddenSize) = \(hiddenSize), and there is no head_dim")
        }
        return hiddenSize / headCount
    }

    private func keyValueHeads(_ defaults: DecoderDefaults, headCount: Int) throws(Failure) -> Int {
        guard let name = defaults.names.keyValueHeads else { return headCount }
        let fallback = object[name] == nil ? defaults.keyValueHeads : nil
        let count = try size(name, default: fallback ?? headCount)
        guard headCount.isMultiple(of: count) else {
            throw damaged(name, "does not divide \(defaults.names.heads) = \(headCount)")
        }
        return count
    }

    /// GPT-2 leaves its size out: it is four times the width.
    private func feedForwardSize(_ defaults: DecoderDefaults, hiddenSize: Int) throws(Failure) -> Int {
        let name = defaults.names.feedForward
        return try size(name, default: name == "n_inner" ? 4 * hiddenSize : nil)
    }

    /// The names of activations in Transformers. `gelu_new` and `gelu_fast` are the tanh approximation, too.
    func activation(_ name: String, default usual: String) throws(Failure) -> FeedForwardConfiguration.Activation {
        let value = object[name] ?? .text(usual)
        switch value.text {
        case "silu", "swish": return .silu
        case "gelu": return .gelu
        case "gelu_pytorch_tanh", "gelu_new", "gelu_fast": return .geluTanh
        default: throw unsupported(name, only: "\"silu\", \"gelu\" or \"gelu_pytorch_tanh\"")
        }
    }

    /// Refuses a dropout that the family has if the field is absent. Fields that are there have a check of their own.
    func requireNoDropout(_ names: [String], default usual: Double) throws(Failure) {
        guard let name = names.first(where: { value($0) == nil }) else { return }
        throw .configuration(
            origin, "\(name) is missing, which means \(usual), and dropout is not implemented",
            remedy: "Add \(name): 0 to config.json to train without dropout.")
    }
}
