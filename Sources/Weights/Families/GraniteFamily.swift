import Settings

/// Granite 3 (IBM): Llama with four factors. `logits_scaling` divides.
struct GraniteFamily: CheckpointFamily {
    let architectures = ["GraniteForCausalLM"]
    let fields: Set = [
        "attention_bias", "mlp_bias", "embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling",
    ]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 2048)
        defaults.norm.epsilon = 1e-6
        var model = try fields.decoder(.granite, defaults)
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        let hasBias = try fields.flag("mlp_bias", default: false)
        let scale = try fields.positive("attention_multiplier", default: 1)
        let residualScale = try fields.positive("residual_multiplier", default: 1)
        model.changeBlocks {
            $0.feedForward.hasBias = hasBias
            $0.attention.scale = scale
            $0.residualScale = residualScale
        }
        model.embedding.scale = try fields.positive("embedding_multiplier", default: 1)
        model.head.scale = 1 / (try fields.positive("logits_scaling", default: 1))
        return model
    }
}
