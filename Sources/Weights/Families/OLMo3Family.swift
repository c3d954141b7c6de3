import Settings

/// OLMo 3: OLMo 2 with windows in three of four layers. Layers with a window have unscaled rotary positions.
struct OLMo3Family: CheckpointFamily {
    let architectures = ["Olmo3ForCausalLM"]
    let fields: Set = ["attention_bias", "sliding_window", "layer_types"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 2048, rotary: nil)
        defaults.norm.epsilon = 1e-5
        var model = try OLMo2Family.changed(try fields.decoder(.olmo3, defaults), fields)
        try fields.setAlternatingWindows(try fields.window(default: 4096), period: 4, in: &model)
        try fields.setLayeredRotary(in: &model, .init(unstated: .init(theta: 500_000, slidingLayers: .unscaled)))
        return model
    }

    var tensorNames: TensorNames { .normsBehind }
}
