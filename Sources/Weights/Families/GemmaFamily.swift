import JSON
import Settings

/// Gemma 1 (arXiv:2403.08295): norms with a factor of 1 + w, and an embedding that is scaled by √hidden_size.
///
/// Transformers rounds the scale to the weights' type; here it is exact. `hidden_act: gelu` means the tanh approximation.
struct GemmaFamily: CheckpointFamily {
    let architectures = ["GemmaForCausalLM"]
    let fields: Set = ["attention_bias"]
    let fixedFields: [String: [JSONValue]] = ["hidden_activation": [.string("gelu_pytorch_tanh")]]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var model = try fields.decoder(.gemma, GemmaFamily.defaults(keyValueHeads: 16, positions: 8192, activation: "hidden_act"))
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        model.embedding.scale = Double(model.hiddenSize).squareRoot()
        model.changeBlocks { if $0.feedForward.activation == .gelu { $0.feedForward.activation = .geluTanh } }
        return model
    }

    /// The defaults that Gemma 1 to 3 have in common.
    static func defaults(keyValueHeads: Int, positions: Int, activation: String) -> DecoderDefaults {
        var defaults = DecoderDefaults(
            maximumPositions: positions, keyValueHeads: keyValueHeads, headDimension: 256, isTied: true,
            activation: "gelu_pytorch_tanh")
        defaults.norm = .init(weight: .onePlus, epsilon: 1e-6)
        defaults.names.activation = activation
        return defaults
    }
}
