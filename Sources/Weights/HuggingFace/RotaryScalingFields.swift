import Foundation
import JSON
import Settings

/// Reads the scaling of rotary positions from `rope_parameters`, from `rope_scaling`, or from the object of a type of layer.
struct RotaryScalingFields {
    /// The fields of `config.json` itself.
    let top: ConfigurationFields
    let object: ConfigurationFields
    /// The object's key path.
    let name: String
    let isOfLayerType: Bool
    let maximumPositions: Int
    let defaults: RotaryDefaults

    private enum Kind: String, CaseIterable {
        case `default`, linear, dynamic, llama3, yarn, longrope

        /// The fields that the kind reads, besides those of all kinds.
        var fields: Set<String> {
            switch self {
            case .default: []
            case .linear: ["factor"]
            case .dynamic: ["factor", "original_max_position_embeddings"]
            case .llama3: ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]
            case .yarn:
                [
                    "factor", "original_max_position_embeddings", "attention_factor", "beta_fast", "beta_slow", "mscale",
                    "mscale_all_dim", "truncate",
                ]
            case .longrope: ["factor", "original_max_position_embeddings", "attention_factor", "short_factor", "long_factor"]
            }
        }
    }

    /// `plain` with the object's scaling.
    func configuration(_ plain: RotaryConfiguration) throws(Failure) -> RotaryConfiguration {
        let kind = try kind()
        // Hunyuan writes fields of yarn beside alpha, which have no effect.
        let hasAlpha = defaults.hasAlpha && kind == .dynamic
        let extra: Set<String> = hasAlpha ? ["alpha", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"] : []
        for member in object.object.members ?? [] where member.value != .null {
            let name = member.name.string
            guard !["rope_theta", "rope_type", "type", "partial_rotary_factor"].contains(name) else { continue }
            if kind == .default, name == "factor" {
                try object.require(member, oneOf: [.integer(1)])
            } else if !kind.fields.contains(name) && !extra.contains(name) {
                throw object.unknown(member)
            }
        }
        var rotary = plain
        if hasAlpha, let alpha = try number("alpha"), alpha != 0 {
            try check(plain.dimension > 2, "type", "needs at least 4 columns that turn")
            rotary.theta *= pow(alpha, Double(plain.dimension) / Double(plain.dimension - 2))
        } else {
            rotary.scaling = try scaling(kind, plain)
        }
        return rotary
    }

    private func scaling(_ kind: Kind, _ plain: RotaryConfiguration) throws(Failure) -> RotaryConfiguration.Scaling {
        switch kind {
        case .default: return .none
        case .linear:
            let factor = try object.positive("factor")
            return factor == 1 ? .none : .linear(factor: factor)
        case .dynamic:
            // Transformers takes the length from here, whatever the object says.
            if object.value("original_max_position_embeddings") != nil,
                try object.size("original_max_position_embeddings") != maximumPositions
            {
                throw object.unsupported(
                    "original_max_position_embeddings", only: "\(maximumPositions), which is max_position_embeddings")
            }
            try check(plain.dimension > 2, "rope_type", "needs at least 4 columns that turn")
            return .dynamic(factor: try object.positive("factor"), original: maximumPositions)
        case .llama3:
            let (low, high) = (try object.positive("low_freq_factor"), try object.positive("high_freq_factor"))
            try check(high > low, "high_freq_factor", "must be above low_freq_factor = \(low)")
            return .llama3(
                factor: try object.positive("factor"), lowFrequencyFactor: low, highFrequencyFactor: high,
                original: try originalPositions())
        case .yarn: return try yarn(plain)
        case .longrope: return try longrope(plain)
        }
    }

    private func yarn(_ plain: RotaryConfiguration) throws(Failure) -> RotaryConfiguration.Scaling {
        let original = try originalPositions()
        let factor = try object.positive("factor")
        let (fast, slow) = (try object.positive("beta_fast", default: 32), try object.positive("beta_slow", default: 1))
        try check(fast >= slow, "beta_fast", "must be at least beta_slow = \(slow)")
        guard plain.theta != 1 else {
            throw .damaged(object.origin, "rope_theta = 1 has no yarn frequencies", remedy: "Correct config.json.")
        }
        let truncate = try object.flag("truncate", default: true)
        // Transformers reads the field beside the objects of the types of layers, where it can't be.
        guard truncate || !isOfLayerType else { throw object.unsupported("truncate", only: "true, for a type of layer") }
        func growth(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
        var attentionFactor = growth(1)
        // One of the two alone, or zero, has no effect.
        if let scale = try number("mscale"), let scaleOfAll = try number("mscale_all_dim"), scale != 0, scaleOfAll != 0 {
            attentionFactor = growth(scale) / growth(scaleOfAll)
        }
        return .yarn(
            factor: factor, original: original, betaFast: fast, betaSlow: slow,
            attentionFactor: try object.positive("attention_factor", default: attentionFactor), truncate: truncate)
    }

    private func longrope(_ plain: RotaryConfiguration) throws(Failure) -> RotaryConfiguration.Scaling {
        let original = try originalPositions()
        let factor = try object.positive("factor", default: Double(maximumPositions) / Double(original))
        var attentionFactor = 1.0
        if let stated = try object.optionalPositive("attention_factor") {
            attentionFactor = stated
        } else if factor > 1 {
            guard original > 1 else {
                throw .damaged(
                    object.origin, "original_max_position_embeddings = 1 is too small for \(name)",
                    remedy: "Correct config.json or download it again.")
            }
            attentionFactor = (1 + log(factor) / log(Double(original))).squareRoot()
        }
        return .longrope(
            short: try divisors("short_factor", count: plain.dimension / 2),
            long: try divisors("long_factor", count: plain.dimension / 2), original: original, attentionFactor: attentionFactor)
    }

    // MARK: Fields

    /// The type of the positions, by its new or its old field name.
    private func kind() throws(Failure) -> Kind {
        var types: [String] = []
        for key in ["rope_type", "type"] {
            guard let value = object.value(key) else { continue }
            guard let type = value.text else { throw object.damaged(key, "must be a string") }
            types.append(type)
        }
        guard let type = types.first else { return .default }
        try check(types.allSatisfy { $0 == type }, "type", "contradicts rope_type = \"\(type.printable)\"")
        // Early files of Phi-3 call longrope "su".
        if let kind = Kind(rawValue: type == "su" ? "longrope" : type) { return kind }
        let names = Kind.allCases.map(\.rawValue).joined(separator: ", ")
        throw .configuration(
            object.origin,
            "\(name) asks for rotary positions of the type \"\(type.printable)\", which is not implemented, only \(names)",
            remedy: "Use a checkpoint with other positions.")
    }

    /// The number of positions of the first training. Transformers ignores the field of `config.json` itself for the object of
    /// a type of layer.
    private func originalPositions() throws(Failure) -> Int {
        let field = "original_max_position_embeddings"
        var stated: [(name: String, value: Int)] = []
        if top.value(field) != nil { stated.append((field, try top.size(field))) }
        if object.value(field) != nil {
            stated.append(("\(name).\(field)", try object.size(field)))
        } else if isOfLayerType {
            stated.append(("max_position_embeddings", maximumPositions))
        }
        return try HuggingFaceConfiguration.agreed(stated, top) ?? defaults.originalPositions ?? maximumPositions
    }

    /// A finite number from 0 on.
    private func number(_ field: String) throws(Failure) -> Double? {
        guard let value = object.value(field) else { return nil }
        guard let number = value.double, number >= 0, number.isFinite else {
            throw object.damaged(field, "must be a finite number from 0 on")
        }
        return number
    }

    private func divisors(_ field: String, count: Int) throws(Failure) -> [Double] {
        guard let value = object.value(field) else { throw object.damaged(field, "is missing") }
        guard let elements = value.elements else { throw object.damaged(field, "must be a list of numbers") }
        let numbers = elements.compactMap(\.double)
        try check(
            numbers.count == elements.count && numbers.allSatisfy { $0 > 0 && $0.isFinite }, field,
            "must be a list of finite numbers above 0")
        try check(
            numbers.count == count, field, "has \(numbers.count) numbers, but \(count) pairs of columns turn")
        return numbers
    }

    private func check(_ holds: Bool, _ field: String, _ reason: String) throws(Failure) {
        guard holds else { throw object.damaged(field, reason) }
    }
}
