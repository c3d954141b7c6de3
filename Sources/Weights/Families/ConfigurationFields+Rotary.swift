import JSON
import Settings

extension ConfigurationFields {
    /// Rotary positions of all layers, with a family's own defaults.
    func rotary(
        _ defaults: DecoderDefaults.Rotary, headDimension: Int, maximumPositions: Int
    ) throws(Failure) -> RotaryConfiguration {
        guard headDimension.isMultiple(of: 2) || defaults.partialFactor != nil else {
            throw .damaged(
                origin, "head_dim = \(headDimension) is odd, but rotary positions need an even number",
                remedy: "Correct config.json.")
        }
        let completed = filled("rope_theta", ["rotary_emb_base"], defaults.theta)
            .filled("partial_rotary_factor", ["rotary_pct"], defaults.partialFactor)
        let rotary = try HuggingFaceConfiguration.rotary(
            completed, headDimension: headDimension, maximumPositions: maximumPositions, pairing: defaults.pairing,
            layerType: nil)
        guard rotary.dimension == headDimension || defaults.partialFactor != nil else {
            throw partialRotary
        }
        guard rotary.dimension >= 2, rotary.dimension <= headDimension, rotary.dimension.isMultiple(of: 2) else {
            throw .damaged(
                origin,
                "partial_rotary_factor turns \(rotary.dimension) of \(headDimension) columns of a head, but rotary positions need "
                    + "an even number from 2 to \(headDimension)",
                remedy: "Correct config.json.")
        }
        return rotary
    }

    /// The failure for a family whose heads turn whole.
    private var partialRotary: Failure {
        let name = "partial_rotary_factor"
        for place in ["rope_parameters", "rope_scaling"] where value(name) == nil && value(place)?[name] != nil {
            return ConfigurationFields(origin: origin, object: value(place)!, prefix: place + ".").unsupported(name, only: "1")
        }
        return unsupported(name, only: "1")
    }

    /// Rotary positions of layers with and without a window, where the two differ: `rope_parameters` with an object for each,
    /// or `rope_theta` and `rope_scaling` for layers without a window and `rope_local_base_freq` for layers with one. A window's
    /// positions are not scaled by `rope_scaling`.
    ///
    /// - Parameters:
    ///   - local: the base of layers with a window if the fields don't state it; nil: the other layers' base.
    func layeredRotary(
        isWindowed: Bool, _ defaults: DecoderDefaults.Rotary, local: Double?, headDimension: Int, maximumPositions: Int
    ) throws(Failure) -> RotaryConfiguration {
        var fields = self
        if let parameters = value("rope_parameters") {
            guard let members = parameters.members else { throw damaged("rope_parameters", "must be an object") }
            let layerTypes = ["full_attention", "sliding_attention"]
            if let flat = members.first(where: { !layerTypes.contains($0.name.string) && $0.value != .null }) {
                throw damaged("rope_parameters", "must have full_attention and sliding_attention, not \(flat.name.string.printable)")
            }
            let own = parameters[isWindowed ? layerTypes[1] : layerTypes[0]] ?? .null
            fields = fields.replacing("rope_parameters", with: own)
            if own["rope_theta"] != nil { fields = fields.replacing("rope_theta", with: nil) }
        }
        if isWindowed {
            fields = fields.replacing("rope_scaling", with: nil)
            if fields.value("rope_parameters")?["rope_theta"] == nil, let base = try localBase(default: local) {
                fields = fields.replacing("rope_theta", with: .otherNumber(base.description))
            }
        }
        fields = fields.replacing("rope_local_base_freq", with: nil)
        return try fields.rotary(defaults, headDimension: headDimension, maximumPositions: maximumPositions)
    }

    /// Gives each block the rotary positions of its kind of layer.
    func setLayeredRotary(
        in model: inout ModelConfiguration, _ defaults: DecoderDefaults.Rotary, local: Double?
    ) throws(Failure) {
        for isWindowed in [false, true] {
            let indices = model.blocks.indices.filter { (model.blocks[$0].attention.window != nil) == isWindowed }
            // Both kinds are checked, also where the model has only one of them.
            let rotary = try layeredRotary(
                isWindowed: isWindowed, defaults, local: local, headDimension: model.headDimension,
                maximumPositions: model.maximumPositions)
            for index in indices { model.blocks[index].attention.rotary = rotary }
        }
    }

    private func localBase(default local: Double?) throws(Failure) -> Double? {
        try optionalPositive("rope_local_base_freq") ?? local
    }

    /// The same fields with a value for `name` if no field states one, neither by this name nor by `others`, at the top or among
    /// the rotary parameters.
    private func filled(_ name: String, _ others: [String], _ usual: Double?) -> ConfigurationFields {
        let places = [object, object["rope_parameters"], object["rope_scaling"]].compactMap(\.self)
        let isStated = places.contains { place in ([name] + others).contains { (place[$0] ?? .null) != .null } }
        guard let usual, !isStated else { return self }
        return replacing(name, with: .otherNumber(usual.description))
    }

    /// The same fields with another value of `name`; nil removes it.
    func replacing(_ name: String, with value: JSONValue?) -> ConfigurationFields {
        var members = (object.members ?? []).filter { $0.name.string != name }
        if let value { members.append(.init(name: JSONString(name), value: value)) }
        return ConfigurationFields(origin: origin, object: .object(members), prefix: prefix)
    }
}
