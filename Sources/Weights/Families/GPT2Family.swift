import JSON
import Settings

/// GPT-2 (Radford et al., 2019): learned positions, LayerNorm, and linear layers that are stored transposed (`Conv1D`).
struct GPT2Family: CheckpointFamily {
    let architectures = ["GPT2LMHeadModel"]
    let fields: Set = [
        "n_embd", "n_layer", "n_head", "n_inner", "n_positions", "activation_function", "layer_norm_epsilon", "scale_attn_weights",
        "scale_attn_by_inverse_layer_idx",
    ]
    let harmlessFields: Set = [
        "n_ctx", "summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout",
        // A choice of precision, and sizes that its program does not read.
        "reorder_and_upcast_attn", "num_key_value_heads", "intermediate_size",
    ]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        try fields.requireNoDropout(["resid_pdrop", "embd_pdrop", "attn_pdrop"], default: 0.1)
        var defaults = DecoderDefaults(
            maximumPositions: 1024, isTied: true, norm: .layer("layer_norm_epsilon"), rotary: nil, activation: "gelu_new")
        defaults.names = .init(
            hiddenSize: "n_embd", layers: "n_layer", heads: "n_head", keyValueHeads: nil, positions: "n_positions",
            activation: "activation_function", feedForward: "n_inner")
        var model = try fields.decoder(.gpt2, defaults)
        let aliases = [
            ("hidden_size", "n_embd"), ("num_attention_heads", "n_head"), ("num_hidden_layers", "n_layer"),
            ("max_position_embeddings", "n_positions"),
        ]
        for (alias, name) in aliases where fields.value(alias) != nil && fields.value(name) != nil {
            guard try fields.size(alias) == fields.size(name) else { throw fields.damaged(alias, "contradicts \(name)") }
        }
        model.embedding.positionCount = model.maximumPositions
        model.setAttentionBias(true)
        let usual = 1 / Double(model.blocks[0].attention.headDimension).squareRoot()
        let scale = try fields.flag("scale_attn_weights", default: true) ? usual : 1
        let isByLayer = try fields.flag("scale_attn_by_inverse_layer_idx", default: false)
        for index in model.blocks.indices {
            model.blocks[index].feedForward.isGated = false
            model.blocks[index].feedForward.hasBias = true
            let own = isByLayer ? scale / Double(index + 1) : scale
            model.blocks[index].attention.scale = own == usual ? nil : own
        }
        return model
    }

    var tensorNames: TensorNames {
        var names = TensorNames().fusing(
            ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], into: "attn.c_attn", isTransposed: true)
        names.blockPrefix = "transformer.h."
        names.omittablePrefix = "transformer."
        names.harmlessSuffixes = [".attn.bias", ".attn.masked_bias"]
        return names.renaming("self_attn.o_proj", to: "attn.c_proj", isTransposed: true)
            .renaming("mlp.up_proj", to: "mlp.c_fc", isTransposed: true)
            .renaming("mlp.down_proj", to: "mlp.c_proj", isTransposed: true)
            .renaming("input_layernorm", to: "ln_1").renaming("post_attention_layernorm", to: "ln_2")
            .renaming("model.embed_tokens", to: "transformer.wte").renaming("model.embed_positions", to: "transformer.wpe")
            .renaming("model.norm", to: "transformer.ln_f")
    }
}
