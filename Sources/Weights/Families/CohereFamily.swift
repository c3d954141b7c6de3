import Settings

/// Command R (Cohere): one LayerNorm without bias before parallel layers, rotary positions of neighbouring columns, scaled
/// logits; Command R+ has norms of queries and keys with a weight for each head.
struct CohereFamily: CheckpointFamily {
    let architectures = ["CohereForCausalLM"]
    let fields: Set = ["layer_norm_eps", "logit_scale", "attention_bias", "use_qk_norm"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var model = try CohereFamily.decoder(.cohere, fields, theta: 500_000)
        if try fields.flag("use_qk_norm", default: false) { model.setQueryKeyNorm(.headWithOwnWeight) }
        return model
    }

    /// The parts that Command R and R7B have in common.
    static func decoder(
        _ family: ModelFamily, _ fields: ConfigurationFields, theta: Double
    ) throws(Failure) -> ModelConfiguration {
        var model = try fields.decoder(
            family,
            DecoderDefaults(
                maximumPositions: 8192, isTied: true, norm: .layer("layer_norm_eps", hasBias: false),
                rotary: .init(unstated: .init(theta: theta), pairing: .neighbours)))
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        model.changeBlocks { $0.residual = .parallel(isNormShared: true) }
        model.head.scale = try fields.positive("logit_scale", default: 0.0625)
        return model
    }

    var tensorNames: TensorNames {
        TensorNames().shapingHeads("self_attn.q_norm").shapingHeads("self_attn.k_norm")
    }
}
