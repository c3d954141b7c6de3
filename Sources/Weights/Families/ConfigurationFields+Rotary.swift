import JSON
import Settings

extension ConfigurationFields {
    /// Rotary positions of all layers, with a family's own defaults.
    func rotary(_ defaults: RotaryDefaults, headDimension: Int, maximumPositions: Int) throws(Failure) -> RotaryConfiguration {
        guard headDimension.isMultiple(of: 2) || defaults.partialFactor != nil else {
            throw .damaged(
                origin, "head_dim = \(headDimension) is odd, but rotary positions need an even number",
                remedy: "Correct config.json.")
        }
        return try HuggingFaceConfiguration.rotary(
            self, headDimension: headDimension, maximumPositions: maximumPositions, defaults: defaults)
    }

    /// Gives each block the rotary positions of its kind of layer, with or without a window.
    func setLayeredRotary(in model: inout ModelConfiguration, _ defaults: RotaryDefaults) throws(Failure) {
        for isWindowed in [false, true] {
            let indices = model.blocks.indices.filter { (model.blocks[$0].attention.window != nil) == isWindowed }
            // Both kinds are checked, also if the model has only one of them.
            let rotary = try HuggingFaceConfiguration.rotary(
                self, headDimension: model.headDimension, maximumPositions: model.maximumPositions,
                layerType: isWindowed ? "sliding_attention" : "full_attention", defaults: defaults)
            for index in indices { model.blocks[index].attention.rotary = rotary }
        }
    }
}
