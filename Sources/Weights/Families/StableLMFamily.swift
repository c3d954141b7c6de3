import Settings

/// StableLM 2 (arXiv:2402.17834): LayerNorm and partial rotary positions; the 12B model has parallel layers and norms of
/// queries and keys with a weight for each head.
struct StableLMFamily: CheckpointFamily {
    let architectures = ["StableLmForCausalLM"]
    let fields: Set = ["layer_norm_eps", "use_qkv_bias", "qk_layernorm", "use_parallel_residual"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var model = try fields.decoder(
            .stablelm,
            DecoderDefaults(
                maximumPositions: 4096, keyValueHeads: 32, norm: .layer("layer_norm_eps"),
                rotary: .init(unstated: .init(partialFactor: 0.25))))
        model.setAttentionBias(try fields.flag("use_qkv_bias", default: false), output: false)
        if try fields.flag("qk_layernorm", default: false) { model.setQueryKeyNorm(.headWithOwnWeight) }
        if try fields.flag("use_parallel_residual", default: false) {
            model.changeBlocks { $0.residual = .parallel(isNormShared: true) }
        }
        return model
    }

    var tensorNames: TensorNames {
        TensorNames().splittingHeads("self_attn.q_norm", into: "self_attn.q_layernorm.norms")
            .splittingHeads("self_attn.k_norm", into: "self_attn.k_layernorm.norms")
    }
}
