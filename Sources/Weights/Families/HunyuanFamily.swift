import JSON
import Settings

/// Hunyuan dense (Tencent): norms of queries and keys behind the rotation.
struct HunyuanFamily: CheckpointFamily {
    let architectures = ["HunYuanDenseV1ForCausalLM"]
    let fields: Set = ["attention_bias"]
    /// Fields of its own program, with the values that the program in Transformers has.
    let fixedFields: [String: [JSONValue]] = [
        "use_qk_norm": [.bool(true)], "use_cla": [.bool(false)], "norm_type": [.string("hf_rms"), .string("rms")],
    ]
    let harmlessFields: Set = ["eod_token_id", "im_start_id", "im_end_id", "im_newline_id", "text_start_id", "text_end_id"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 2048, rotary: .init(unstated: .init(hasAlpha: true)))
        defaults.norm.epsilon = 1e-5
        var model = try fields.decoder(.hunyuan, defaults)
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        model.setQueryKeyNorm(.head, followsRotary: true)
        return model
    }

    var tensorNames: TensorNames {
        TensorNames().renaming("self_attn.q_norm", to: "self_attn.query_layernorm")
            .renaming("self_attn.k_norm", to: "self_attn.key_layernorm")
    }
}
