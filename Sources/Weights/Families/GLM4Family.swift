import Settings

/// GLM-4 (arXiv:2406.12793, the 0414 models): norms before and behind, rotary positions of neighbouring columns in one half of
/// a head, and a fused gate.
struct GLM4Family: CheckpointFamily {
    let architectures = ["Glm4ForCausalLM"]
    let fields: Set = ["attention_bias"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(
            maximumPositions: 131_072, keyValueHeads: 2, headDimension: 128,
            rotary: .init(unstated: .init(partialFactor: 0.5), pairing: .neighbours))
        defaults.norm.epsilon = 1.5625e-7
        var model = try fields.decoder(.glm4, defaults)
        model.setAttentionBias(try fields.flag("attention_bias", default: true), output: false)
        model.changeBlocks { $0.residual = .sandwich }
        return model
    }

    var tensorNames: TensorNames {
        TensorNames().fusing(["mlp.gate_proj", "mlp.up_proj"], into: "mlp.gate_up_proj")
            .renaming("attention_output_layernorm", to: "post_self_attn_layernorm")
            .renaming("feed_forward_output_layernorm", to: "post_mlp_layernorm")
    }
}
