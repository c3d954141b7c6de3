import Settings

extension ConfigurationFields {
    /// Rotary positions of all layers, or of layers of one type.
    func rotary(
        _ defaults: DecoderDefaults.Rotary, headDimension: Int, maximumPositions: Int, layerType: String? = nil
    ) throws(Failure) -> RotaryConfiguration {
        guard headDimension.isMultiple(of: 2) || defaults.unstated.partialFactor != nil else {
            throw .damaged(
                origin, "head_dim = \(headDimension) is odd, but rotary positions need an even number",
                remedy: "Correct config.json.")
        }
        return try HuggingFaceConfiguration.rotary(
            self, headDimension: headDimension, maximumPositions: maximumPositions, pairing: defaults.pairing, layerType: layerType,
            defaults: defaults.unstated)
    }

    /// Gives each block the rotary positions of its type of layer: with a window or without.
    func setLayeredRotary(in model: inout ModelConfiguration, _ defaults: DecoderDefaults.Rotary) throws(Failure) {
        for isWindowed in [false, true] {
            // Both types are checked, also where the model has only one of them.
            let rotary = try rotary(
                defaults, headDimension: model.headDimension, maximumPositions: model.maximumPositions,
                layerType: isWindowed ? "sliding_attention" : "full_attention")
            model.changeBlocks { if ($0.attention.window != nil) == isWindowed { $0.attention.rotary = rotary } }
        }
    }
}
