import Settings

/// Qwen 3 (arXiv:2505.09388): norms of queries and keys, one weight for all heads.
struct Qwen3Family: CheckpointFamily {
    let architectures = ["Qwen3ForCausalLM"]
    let fields: Set = ["attention_bias", "use_sliding_window", "sliding_window", "max_window_layers", "layer_types"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 32768, keyValueHeads: 32, headDimension: 128)
        defaults.norm.epsilon = 1e-6
        var model = try fields.decoder(.qwen3, defaults)
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        model.setQueryKeyNorm(.head)
        try fields.setUpperWindows(in: &model)
        return model
    }
}
