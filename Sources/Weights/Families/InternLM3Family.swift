import Settings

/// InternLM 3: Llama with biases of all projections or of none. `qkv_bias` and `bias` are the names of its own program for
/// `attention_bias` and `mlp_bias`.
struct InternLM3Family: CheckpointFamily {
    let architectures = ["InternLM3ForCausalLM", "LlamaForCausalLM"]
    let fields: Set = ["attention_bias", "mlp_bias", "qkv_bias", "bias"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 32768, keyValueHeads: 2, headDimension: 128)
        defaults.norm.epsilon = 1e-5
        var model = try fields.decoder(.internlm3, defaults)
        let hasBias = try flag(fields, "attention_bias", "qkv_bias")
        guard try flag(fields, "mlp_bias", "bias") == hasBias else {
            throw .configuration(
                fields.origin, "attention_bias = \(hasBias) is not implemented together with mlp_bias = \(!hasBias)",
                remedy: "Use a checkpoint with biases of all projections, or of none.")
        }
        model.setAttentionBias(hasBias)
        model.changeBlocks { $0.feedForward.hasBias = hasBias }
        return model
    }

    /// A flag with two names.
    private func flag(_ fields: ConfigurationFields, _ name: String, _ other: String) throws(Failure) -> Bool {
        let value = try fields.flag(name, default: try fields.flag(other, default: false))
        guard try fields.flag(other, default: value) == value else { throw fields.damaged(other, "contradicts \(name) = \(value)") }
        return value
    }
}
