import Settings

/// Qwen 2 and 2.5 (arXiv:2407.10671): biases of queries, keys and values, and windows in upper layers if they are used.
struct Qwen2Family: CheckpointFamily {
    let architectures = ["Qwen2ForCausalLM"]
    let fields: Set = ["use_sliding_window", "sliding_window", "max_window_layers", "layer_types"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var model = try fields.decoder(.qwen2, DecoderDefaults(maximumPositions: 32768))
        model.setAttentionBias(true, output: false)
        try fields.setUpperWindows(in: &model)
        return model
    }
}
