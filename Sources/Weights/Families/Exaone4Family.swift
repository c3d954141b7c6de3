import Settings

/// EXAONE 4 (arXiv:2507.11407): norms behind the layers, norms of queries and keys. In a model with windows only the layers
/// with a window have rotary positions.
struct Exaone4Family: CheckpointFamily {
    let architectures = ["Exaone4ForCausalLM"]
    let fields: Set = ["sliding_window", "sliding_window_pattern", "layer_types"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 2048, keyValueHeads: 32)
        defaults.norm.epsilon = 1e-5
        var model = try fields.decoder(.exaone4, defaults)
        model.setQueryKeyNorm(.head)
        model.changeBlocks { $0.residual = .postNorm }
        let window = try fields.window(default: 4096)
        // Next to `layer_types` the pattern says nothing: it may then be a text of letters.
        let period = fields.value("layer_types") == nil && window != nil ? try fields.size("sliding_window_pattern", default: 4) : 1
        try fields.setAlternatingWindows(window, period: period, in: &model)
        guard window != nil else { return model }
        model.changeBlocks { if $0.attention.window == nil { $0.attention.rotary = nil } }
        return model
    }

    var tensorNames: TensorNames { .normsBehind }
}
