import JSON
import Settings

extension ConfigurationFields {
    /// The window of attention. Absent means `usual`, null means none.
    ///
    /// - Throws: `Failure` (damaged data) if it is not a whole number from 1.
    func window(default usual: Int?) throws(Failure) -> Int? {
        guard let value = object["sliding_window"] else { return usual }
        return value == .null ? nil : try size("sliding_window")
    }

    /// For each layer, whether its attention has the window: by `layer_types`, or else by `usual`.
    ///
    /// - Throws: `Failure`: configuration for another type of layer, damaged data for another number of layers.
    func windowedLayers(_ count: Int, usual: (Int) -> Bool) throws(Failure) -> [Bool] {
        guard let value = value("layer_types") else { return (0..<count).map(usual) }
        guard let types = value.elements else { throw damaged("layer_types", "must be a list") }
        guard types.count == count else {
            throw .damaged(
                origin, "layer_types lists \(types.count) layers, but num_hidden_layers = \(count)",
                remedy: "Correct config.json or download it again.")
        }
        var windowed: [Bool] = []
        for type in types {
            switch type.text {
            case "full_attention": windowed.append(false)
            case "sliding_attention": windowed.append(true)
            default:
                throw .configuration(
                    origin,
                    "layer_types has \(type.excerpt), which is not implemented, only \"full_attention\" and \"sliding_attention\"",
                    remedy: "Use a checkpoint without it.")
            }
        }
        return windowed
    }

    /// Sets the window in the layers that have it by `layer_types` or by `usual`.
    ///
    /// - Throws: `Failure`, also if a layer has a window and `window` is nil.
    func setWindows(_ window: Int?, in model: inout ModelConfiguration, usual: (Int) -> Bool) throws(Failure) {
        let windowed = try windowedLayers(model.blocks.count, usual: { window != nil && usual($0) })
        for index in model.blocks.indices where windowed[index] {
            guard let window else { throw damaged("layer_types", "has sliding_attention, but there is no sliding_window") }
            model.blocks[index].attention.window = window
        }
    }

    /// The windows of Qwen: from layer `max_window_layers` on, if `use_sliding_window` is true.
    func setUpperWindows(in model: inout ModelConfiguration) throws(Failure) {
        let isUsed = try flag("use_sliding_window", default: false)
        let first = try index("max_window_layers", default: 28)
        try setWindows(isUsed ? window(default: 4096) : nil, in: &model) { $0 >= first }
    }

    /// Every layer but each `period`-th has the window.
    func setAlternatingWindows(_ window: Int?, period: Int, in model: inout ModelConfiguration) throws(Failure) {
        try setWindows(window, in: &model) { ($0 + 1) % period != 0 }
    }

    /// A whole number from 0.
    private func index(_ name: String, default fallback: Int) throws(Failure) -> Int {
        guard let value = value(name) else { return fallback }
        guard let index = value.wholeNumber, index >= 0 else { throw damaged(name, "must be a whole number from 0") }
        return index
    }
}
