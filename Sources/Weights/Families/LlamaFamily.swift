import Settings

/// Llama 1 to 3.3 (Touvron et al., arXiv:2302.13971, and later), and models of the same shape.
struct LlamaFamily: CheckpointFamily {
    let architectures = ["LlamaForCausalLM"]
    let fields: Set = ["attention_bias", "mlp_bias"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var model = try fields.decoder(.llama, DecoderDefaults(maximumPositions: 2048))
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        let hasBias = try fields.flag("mlp_bias", default: false)
        model.changeBlocks { $0.feedForward.hasBias = hasBias }
        return model
    }
}
