import Foundation
import JSON
import Settings

/// Reading and writing `config.json` of Hugging Face checkpoints.
///
/// Every field is read, known to leave the mathematics alone, or required to have the one value that Tandem computes;
/// anything else is refused by name, so a checkpoint is never computed with a field silently ignored.
public enum HuggingFaceConfiguration {
    /// The largest `config.json` that is read, bytes.
    static let byteLimit = 16 << 20

    /// The most layers that are read: whatever has to be made for each is then bounded by little more than the file.
    private static let layerLimit = 1 << 16

    /// - Parameter origin: the file's path or key path, for errors.
    /// - Throws: `Failure`: damaged data where it is malformed or a value can't be, configuration where it describes a
    ///   model that Tandem does not compute.
    public static func parse(_ json: Data, origin: String) throws(Failure) -> ModelConfiguration {
        let value = try JSONValue([UInt8](json), place: origin)
        guard value.members != nil else {
            throw .damaged(origin, "is not a JSON object", remedy: "Give a Hugging Face config.json.")
        }
        let fields = ConfigurationFields(origin: origin, object: value)
        let family = try family(fields)
        try checkFixedFields(fields, family: family)
        let ropeTheta = try ropeTheta(fields)
        let hiddenSize = try fields.size("hidden_size")
        let headCount = try fields.size("num_attention_heads")
        let configuration = ModelConfiguration(
            family: family,
            vocabularySize: try fields.size("vocab_size"),
            hiddenSize: hiddenSize,
            feedForwardSize: try fields.size("intermediate_size"),
            layerCount: try fields.size("num_hidden_layers"),
            headCount: headCount,
            keyValueHeadCount: try fields.size("num_key_value_heads", default: headCount),
            headDimension: try headDimension(fields, hiddenSize: hiddenSize, headCount: headCount),
            ropeTheta: ropeTheta,
            normEpsilon: try fields.positive("rms_norm_eps"),
            tiedEmbeddings: try fields.flag("tie_word_embeddings", default: false),
            projectionBias: family == .qwen2,
            maximumPositions: try fields.size("max_position_embeddings", default: family == .llama ? 2048 : 32768),
            initializerRange: try fields.positive("initializer_range", default: 0.02))
        try check(configuration, fields)
        return configuration
    }

    private static func family(_ fields: ConfigurationFields) throws(Failure) -> ModelFamily {
        guard let value = fields.value("model_type") else { throw fields.damaged("model_type", "is missing") }
        guard let name = value.text else { throw fields.damaged("model_type", "must be a string") }
        guard let family = ModelFamily(rawValue: name) else {
            throw .configuration(
                fields.origin, "model_type = \(value.excerpt) is not implemented",
                remedy: "Use a llama or qwen2 checkpoint.")
        }
        return family
    }

    private static func headDimension(
        _ fields: ConfigurationFields, hiddenSize: Int, headCount: Int
    ) throws(Failure) -> Int {
        guard fields.value("head_dim") == nil else { return try fields.size("head_dim") }
        guard hiddenSize.isMultiple(of: headCount) else {
            throw fields.damaged(
                "num_attention_heads", "does not divide hidden_size = \(hiddenSize), and there is no head_dim")
        }
        return hiddenSize / headCount
    }

    /// From `rope_parameters` (Transformers 5) or `rope_theta` (before); 10000 where neither says.
    private static func ropeTheta(_ fields: ConfigurationFields) throws(Failure) -> Double {
        let older = try fields.optionalPositive("rope_theta")
        guard let value = fields.value("rope_parameters") else { return older ?? 10000 }
        guard let members = value.members else { throw fields.damaged("rope_parameters", "must be an object") }
        let nested = ConfigurationFields(origin: fields.origin, object: value, prefix: "rope_parameters.")
        for member in members {
            switch member.name.string {
            case "rope_theta": continue
            case "rope_type", "type": try nested.require(member, oneOf: [.string("default")])
            case "partial_rotary_factor": try nested.require(member, oneOf: [.integer(1)])
            default: throw nested.unknown(member)
            }
        }
        let newer = try nested.optionalPositive("rope_theta")
        if let older, let newer, older != newer {
            throw fields.damaged("rope_theta", "contradicts rope_parameters.rope_theta = \(newer)")
        }
        return newer ?? older ?? 10000
    }

    private static func check(_ configuration: ModelConfiguration, _ fields: ConfigurationFields) throws(Failure) {
        guard configuration.headCount.isMultiple(of: configuration.keyValueHeadCount) else {
            throw fields.damaged(
                "num_key_value_heads", "does not divide num_attention_heads = \(configuration.headCount)")
        }
        guard configuration.headDimension.isMultiple(of: 2) else {
            throw .damaged(
                fields.origin, "head_dim = \(configuration.headDimension) is odd, but rotary positions turn pairs",
                remedy: "Mend config.json.")
        }
        guard configuration.layerCount <= layerLimit else {
            throw fields.damaged("num_hidden_layers", "is more than \(layerLimit)")
        }
        // In floating point, because the count itself may overflow.
        let width = Double(configuration.hiddenSize)
        let attention = width * Double(configuration.headDimension) * 4 * Double(configuration.headCount)
        let layer = attention + 3 * width * Double(configuration.feedForwardSize)
        let bound = Double(configuration.layerCount) * layer + 2 * width * Double(configuration.vocabularySize)
        guard bound < 0x1p48 else {
            throw .damaged(
                fields.origin, "describes a model of about \(bound) parameters",
                remedy: "Mend the sizes in config.json.")
        }
    }

    /// Fields that must have the one value that is computed, and fields that nobody here knows.
    private static func checkFixedFields(_ fields: ConfigurationFields, family: ModelFamily) throws(Failure) {
        for member in fields.object.members ?? [] {
            let name = member.name.string
            if name == "architectures" {
                try checkArchitectures(member.value, fields, family: family)
            } else if name == "layer_types" {
                for element in member.value.elements ?? [member.value] where member.value != .null {
                    try fields.require(.init(name: member.name, value: element), oneOf: [.string("full_attention")])
                }
            } else if let values = fixedFields(of: family)[name] {
                try fields.require(member, oneOf: values)
            } else if !readFields.contains(name) && !harmlessFields.contains(name) {
                throw fields.unknown(member)
            }
        }
    }

    /// A sequence classifier or a reward model has the same `model_type` but another head.
    private static func checkArchitectures(
        _ value: JSONValue, _ fields: ConfigurationFields, family: ModelFamily
    ) throws(Failure) {
        let wanted = architecture(of: family)
        guard value != .null, value != .array([]), value.elements?.contains(.text(wanted)) != true else { return }
        throw .configuration(
            fields.origin, "architectures = \(value.excerpt) is not implemented",
            remedy: "Use a checkpoint of \(wanted).")
    }

    static func architecture(of family: ModelFamily) -> String {
        switch family {
        case .llama: "LlamaForCausalLM"
        case .qwen2: "Qwen2ForCausalLM"
        }
    }
}
