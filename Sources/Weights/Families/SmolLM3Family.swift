import Settings

/// SmolLM 3: every fourth layer has no rotary positions (`no_rope_layers` has 0 for it).
struct SmolLM3Family: CheckpointFamily {
    let architectures = ["SmolLM3ForCausalLM"]
    let fields: Set = [
        "attention_bias", "mlp_bias", "no_rope_layers", "no_rope_layer_interval", "use_sliding_window", "sliding_window", "layer_types",
    ]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 32768, keyValueHeads: 4, isTied: true, rotary: .init(unstated: .init(theta: 2_000_000)))
        defaults.norm.epsilon = 1e-6
        var model = try fields.decoder(.smollm3, defaults)
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        let hasBias = try fields.flag("mlp_bias", default: false)
        model.changeBlocks { $0.feedForward.hasBias = hasBias }
        let turning = try turningLayers(fields, count: model.blocks.count)
        let isUsed = try fields.flag("use_sliding_window", default: false)
        try fields.setWindows(isUsed ? fields.window(default: nil) : nil, in: &model) { !turning[$0] }
        for index in model.blocks.indices where !turning[index] { model.blocks[index].attention.rotary = nil }
        return model
    }

    /// The layers that have rotary positions.
    private func turningLayers(_ fields: ConfigurationFields, count: Int) throws(Failure) -> [Bool] {
        guard let value = fields.value("no_rope_layers") else {
            let interval = try fields.size("no_rope_layer_interval", default: 4)
            return (0..<count).map { ($0 + 1) % interval != 0 }
        }
        guard let elements = value.elements, elements.count == count, elements.allSatisfy({ [0, 1].contains($0.wholeNumber) }) else {
            throw fields.damaged("no_rope_layers", "must be a list of \(count) numbers, 0 or 1")
        }
        return elements.map { $0.wholeNumber == 1 }
    }
}
