import Foundation
import JSON
import Settings

/// Rotary positions, in the fields of both generations of Transformers: `rope_theta` and `rope_scaling`, or `rope_parameters`,
/// which may have an object for each type of layer. Formulas of defaults: Transformers 5, `modeling_rope_utils.py`.
extension HuggingFaceConfiguration {
    /// - Parameters:
    ///   - layerType: the layer's value in `layer_types`, if the family has several types.
    /// - Throws: `Failure`: damaged data for impossible or contradicting values, configuration for what is not implemented.
    static func rotary(
        _ fields: ConfigurationFields, headDimension: Int, maximumPositions: Int,
        pairing: RotaryConfiguration.Pairing = .halves, layerType: String? = nil, defaults: RotaryDefaults = RotaryDefaults()
    ) throws(Failure) -> RotaryConfiguration {
        let objects = try rotaryObjects(fields, layerType: layerType, defaults)
        let ownBase = layerType == slidingAttention ? defaults.slidingLayers.base : nil
        let theta = try ropeTheta(fields, objects, ownBase: ownBase, defaults)
        let dimension = try rotaryDimension(fields, objects, headDimension: headDimension, defaults)
        let plain = RotaryConfiguration(theta: theta, dimension: dimension, pairing: pairing)
        var read: [RotaryConfiguration] = []
        for object in objects {
            let scaling = RotaryScalingFields(
                top: fields, object: object.fields, name: object.name, isOfLayerType: object.isOfLayerType,
                maximumPositions: maximumPositions, defaults: defaults)
            read.append(try scaling.configuration(plain))
        }
        guard read.allSatisfy({ $0 == read[0] }) else {
            throw .damaged(
                fields.origin, "\(objects[1].name) contradicts \(objects[0].name)",
                remedy: "Correct config.json or download it again.")
        }
        return read.first ?? plain
    }

    private static let slidingAttention = "sliding_attention"

    /// An object that describes the positions of a layer.
    private struct RotaryObject {
        /// `rope_parameters` or `rope_scaling`.
        let name: String
        let fields: ConfigurationFields
        /// Whether the file has such an object for each type of layer.
        let isOfLayerType: Bool
    }

    private static func rotaryObjects(
        _ fields: ConfigurationFields, layerType: String?, _ defaults: RotaryDefaults
    ) throws(Failure) -> [RotaryObject] {
        var objects: [RotaryObject] = []
        for name in ["rope_parameters", "rope_scaling"] {
            guard let value = fields.value(name) else { continue }
            guard let members = value.members else { throw fields.damaged(name, "must be an object") }
            let nested = ConfigurationFields(origin: fields.origin, object: value, prefix: name + ".")
            if members.contains(where: { $0.value.members != nil }) {
                if let object = try objectOfLayerType(nested, name: name, layerType, defaults) { objects.append(object) }
            } else if !members.isEmpty && (defaults.slidingLayers == .alike || name == "rope_scaling") {
                // Old files of OLMo 3 and Gemma 3 scale the positions of full attention only.
                guard defaults.slidingLayers == .alike || layerType != slidingAttention else { continue }
                objects.append(RotaryObject(name: name, fields: nested, isOfLayerType: false))
            } else if !members.isEmpty {
                throw fields.damaged(name, "must have an object for each type of layer")
            }
        }
        return objects
    }

    /// - Parameter fields: the objects of all types of layer.
    private static func objectOfLayerType(
        _ fields: ConfigurationFields, name: String, _ layerType: String?, _ defaults: RotaryDefaults
    ) throws(Failure) -> RotaryObject? {
        let members = fields.object.members?.filter { $0.value != .null } ?? []
        guard let layerType else {
            let layers = members.filter { $0.value.members != nil }.map(\.name.string)
            throw .configuration(
                fields.origin,
                "\(name) has rotary positions for each type of layer (\(layers.joined(separator: ", ").printable)), "
                    + "which is not implemented for this family",
                remedy: "Use a checkpoint whose layers have the same positions.")
        }
        for member in members where !["full_attention", slidingAttention].contains(member.name.string) {
            throw fields.unknown(member)
        }
        guard let value = fields.value(layerType) else {
            guard defaults.slidingLayers != .alike else { throw fields.damaged(layerType, "is missing") }
            return nil
        }
        guard value.members != nil else { throw fields.damaged(layerType, "must be an object") }
        let nested = ConfigurationFields(origin: fields.origin, object: value, prefix: "\(name).\(layerType).")
        return RotaryObject(name: "\(name).\(layerType)", fields: nested, isOfLayerType: true)
    }

    /// The base of the frequencies.
    ///
    /// - Parameter ownBase: the default of `rope_local_base_freq`, if it is the layer's base.
    private static func ropeTheta(
        _ fields: ConfigurationFields, _ objects: [RotaryObject], ownBase: Double?, _ defaults: RotaryDefaults
    ) throws(Failure) -> Double {
        var stated: [(name: String, value: Double)] = []
        for object in objects {
            guard let value = try object.fields.optionalPositive("rope_theta") else { continue }
            stated.append((object.name + ".rope_theta", value))
        }
        for name in ownBase == nil ? ["rope_theta", "rotary_emb_base"] : ["rope_local_base_freq"] {
            guard let value = try fields.optionalPositive(name) else { continue }
            // With an object for each type of layer, `rope_theta` is only the default of these objects.
            if ownBase == nil, !stated.isEmpty, objects.contains(where: \.isOfLayerType) { continue }
            stated.insert((name, value), at: 0)
        }
        return try agreed(stated, fields) ?? ownBase ?? defaults.theta
    }

    /// The number of a head's columns that turn.
    private static func rotaryDimension(
        _ fields: ConfigurationFields, _ objects: [RotaryObject], headDimension: Int, _ defaults: RotaryDefaults
    ) throws(Failure) -> Int {
        var stated: [(name: String, value: Double)] = []
        func add(_ name: String, in place: ConfigurationFields) throws(Failure) {
            guard let value = place.value(name) else { return }
            if defaults.partialFactor == nil {
                try place.require(.init(name: JSONString(name), value: value), oneOf: [.integer(1)])
            }
            guard let factor = try place.optionalPositive(name), factor <= 1 else {
                throw place.damaged(name, "must be at most 1")
            }
            stated.append((place.prefix + name, factor))
        }
        try add("partial_rotary_factor", in: fields)
        try add("rotary_pct", in: fields)
        for object in objects { try add("partial_rotary_factor", in: object.fields) }
        let factor = try agreed(stated, fields) ?? defaults.partialFactor ?? 1
        // Transformers too cuts the product off.
        let dimension = Int(Double(headDimension) * factor)
        guard dimension >= 2, dimension.isMultiple(of: 2) else {
            throw .damaged(
                fields.origin,
                "rotary positions turn \(dimension) of \(headDimension) columns of a head, but need an even number from 2 on",
                remedy: "Correct head_dim and partial_rotary_factor in config.json.")
        }
        return dimension
    }

    /// The value of fields that mean the same.
    static func agreed<Value: Equatable>(
        _ stated: [(name: String, value: Value)], _ fields: ConfigurationFields
    ) throws(Failure) -> Value? {
        guard let first = stated.first else { return nil }
        if let other = stated.first(where: { $0.value != first.value }) {
            throw .damaged(
                fields.origin, "\(first.name) = \(first.value) contradicts \(other.name) = \(other.value)",
                remedy: "Correct config.json or download it again.")
        }
        return first.value
    }
}

extension RotaryDefaults.SlidingLayers {
    fileprivate var base: Double? {
        switch self {
        case .ownBase(let base): base
        case .alike, .unscaled: nil
        }
    }
}
