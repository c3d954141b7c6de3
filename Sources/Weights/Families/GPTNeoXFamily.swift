import Settings

/// GPT-NeoX (arXiv:2204.06745) and Pythia: parallel layers with two norms, partial rotary positions, and queries, keys and
/// values fused head by head.
struct GPTNeoXFamily: CheckpointFamily {
    let architectures = ["GPTNeoXForCausalLM"]
    let fields: Set = ["layer_norm_eps", "attention_bias", "use_parallel_residual", "rotary_pct", "rotary_emb_base"]
    let harmlessFields: Set = ["classifier_dropout", "num_key_value_heads"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(
            maximumPositions: 2048, norm: .layer("layer_norm_eps"), rotary: .init(unstated: .init(partialFactor: 0.25)),
            activation: "gelu")
        defaults.names.keyValueHeads = nil
        var model = try fields.decoder(.gptNeoX, defaults)
        model.setAttentionBias(try fields.flag("attention_bias", default: true))
        let isParallel = try fields.flag("use_parallel_residual", default: true)
        model.changeBlocks {
            $0.residual = isParallel ? .parallel(isNormShared: false) : .preNorm
            $0.feedForward.isGated = false
            $0.feedForward.hasBias = true
        }
        return model
    }

    var tensorNames: TensorNames {
        var names = TensorNames().fusing(
            ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], into: "attention.query_key_value", isByHead: true)
        names.blockPrefix = "gpt_neox.layers."
        names.alternatives = ["embed_out.weight": "lm_head.weight"]
        names.harmlessSuffixes = [".attention.bias", ".attention.masked_bias"]
        return names.renaming("self_attn.o_proj", to: "attention.dense")
            .renaming("mlp.up_proj", to: "mlp.dense_h_to_4h").renaming("mlp.down_proj", to: "mlp.dense_4h_to_h")
            .renaming("model.embed_tokens", to: "gpt_neox.embed_in").renaming("model.norm", to: "gpt_neox.final_layer_norm")
            .renaming("lm_head", to: "embed_out")
    }
}
