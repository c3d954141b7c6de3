import Foundation
import JSON
import Settings

/// Rotary positions, in the fields of both generations of Transformers: `rope_theta` and `rope_scaling`, or `rope_parameters`.
/// Only unscaled positions are implemented.
extension HuggingFaceConfiguration {
    /// - Throws: `Failure`: damaged data for impossible or contradicting values, configuration for scaled positions.
    static func rotary(
        _ fields: ConfigurationFields, headDimension: Int, maximumPositions: Int, pairing: RotaryConfiguration.Pairing,
        layerType: String? = nil
    ) throws(Failure) -> RotaryConfiguration {
        var factor = 1.0
        for place in [fields.object, fields.object["rope_parameters"], fields.object["rope_scaling"]].compactMap(\.self) {
            for name in ["partial_rotary_factor", "rotary_pct"] {
                factor = try ConfigurationFields(origin: fields.origin, object: place).optionalPositive(name) ?? factor
            }
        }
        return RotaryConfiguration(theta: try ropeTheta(fields), dimension: Int(Double(headDimension) * factor), pairing: pairing)
    }

    /// The base θ of the rotary frequencies. The default is 10000.
    ///
    /// - Throws: `Failure`: damaged data for impossible or contradicting values, configuration for scaled positions.
    static func ropeTheta(_ fields: ConfigurationFields) throws(Failure) -> Double {
        var stated: [(name: String, value: Double)] = []
        func add(_ name: String, _ value: Double?) { if let value { stated.append((name, value)) } }
        add("rope_theta", try fields.optionalPositive("rope_theta"))
        for name in ["rope_parameters", "rope_scaling"] {
            guard let value = fields.value(name) else { continue }
            guard value.members != nil else { throw fields.damaged(name, "must be an object") }
            let nested = ConfigurationFields(origin: fields.origin, object: value, prefix: name + ".")
            try checkUnscaled(nested, name: name)
            add(name + ".rope_theta", try nested.optionalPositive("rope_theta"))
        }
        guard let first = stated.first else { return 10000 }
        if let other = stated.first(where: { $0.value != first.value }) {
            throw .damaged(
                fields.origin, "\(first.name) = \(first.value) contradicts \(other.name) = \(other.value)",
                remedy: "Correct config.json or download it again.")
        }
        return first.value
    }

    /// - Parameter fields: the fields of `rope_parameters` or `rope_scaling`.
    private static func checkUnscaled(_ fields: ConfigurationFields, name: String) throws(Failure) {
        let type = try ropeType(fields, name: name)
        guard type == "default" || type == "linear" else {
            throw .configuration(
                fields.origin,
                "\(name) asks for rotary positions of the type \"\(type.printable)\", which is not implemented, only \"default\"",
                remedy: "Use a checkpoint whose positions are not scaled.")
        }
        for member in fields.object.members ?? [] where member.value != .null {
            switch member.name.string {
            case "rope_theta", "rope_type", "type": continue
            case "factor" where type == "linear":
                guard member.value.double == 1 else { throw scaled(fields, name, type, by: member.value.excerpt) }
            case "partial_rotary_factor": continue
            case "factor": try fields.require(member, oneOf: [.integer(1)])
            default: throw fields.unknown(member)
            }
        }
        guard type == "default" || fields.value("factor") != nil else { throw scaled(fields, name, type, by: "a factor that is missing") }
    }

    private static func scaled(
        _ fields: ConfigurationFields, _ name: String, _ type: String, by factor: String
    ) -> Failure {
        .configuration(
            fields.origin, "\(name) asks for rotary positions of the type \"\(type)\", scaled by \(factor), which is not implemented",
            remedy: "Use a checkpoint whose positions are not scaled.")
    }

    /// The type of the positions, by its new or its old field name.
    private static func ropeType(_ fields: ConfigurationFields, name: String) throws(Failure) -> String {
        var types: [String] = []
        for key in ["rope_type", "type"] {
            guard let value = fields.value(key) else { continue }
            guard let type = value.text else { throw fields.damaged(key, "must be a string") }
            types.append(type)
        }
        guard let type = types.first else {
            // Gemma 3 and ModernBERT have one object per type of layer.
            let layers = fields.object.members?.filter { $0.value.members != nil }.map(\.name.string) ?? []
            guard layers.isEmpty else {
                throw .configuration(
                    fields.origin,
                    "\(name) has rotary positions for each type of layer (\(layers.joined(separator: ", ").printable)), which is not "
                        + "implemented",
                    remedy: "Use a checkpoint whose layers have the same positions.")
            }
            return "default"
        }
        guard types.allSatisfy({ $0 == type }) else {
            throw fields.damaged("type", "contradicts rope_type = \"\(type.printable)\"")
        }
        return type
    }
}
