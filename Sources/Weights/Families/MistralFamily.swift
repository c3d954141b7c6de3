import Settings

/// Mistral 7B (arXiv:2310.06825) and later: all layers have the window, if there is one.
struct MistralFamily: CheckpointFamily {
    let architectures = ["MistralForCausalLM"]
    let fields: Set = ["sliding_window"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 131_072, keyValueHeads: 8)
        defaults.norm.epsilon = 1e-6
        var model = try fields.decoder(.mistral, defaults)
        let window = try fields.window(default: 4096)
        model.changeBlocks { $0.attention.window = window }
        return model
    }
}
