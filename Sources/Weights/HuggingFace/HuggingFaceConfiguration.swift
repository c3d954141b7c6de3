import Foundation
import JSON
import Settings

/// Reads and writes `config.json` of Hugging Face checkpoints.
///
/// Every field is read, or known not to change the mathematics, or must have a value that Tandem implements. Any other field is
/// refused by name, so no field is silently ignored.
public enum HuggingFaceConfiguration {
    /// The largest `config.json` that is read, bytes.
    static let byteLimit = 16 << 20

    /// The most layers that are read. The limit bounds the work per layer for a damaged file.
    private static let layerLimit = 1 << 16

    /// - Parameter origin: the file's path or key path, for errors.
    /// - Throws: `Failure`: damaged data for a malformed file or an impossible value, configuration for a model that Tandem
    ///   does not implement.
    public static func parse(_ json: Data, origin: String) throws(Failure) -> ModelConfiguration {
        let value = try JSONValue(InputFile.withoutMark([UInt8](json)), place: origin)
        guard value.members != nil else {
            throw .damaged(origin, "is not a JSON object", remedy: "Give a Hugging Face config.json.")
        }
        let fields = ConfigurationFields(origin: origin, object: value)
        let family = try family(fields)
        try checkFixedFields(fields, family: family)
        let hiddenSize = try fields.size("hidden_size")
        let headCount = try fields.size("num_attention_heads")
        var configuration = ModelConfiguration(
            family: family,
            vocabularySize: try fields.size("vocab_size"),
            hiddenSize: hiddenSize,
            feedForwardSize: try fields.size("intermediate_size"),
            layerCount: try fields.size("num_hidden_layers"),
            headCount: headCount,
            keyValueHeadCount: try fields.size("num_key_value_heads", default: headCount),
            headDimension: try headDimension(fields, hiddenSize: hiddenSize, headCount: headCount),
            ropeTheta: RotaryDefaults().theta,
            normEpsilon: try fields.positive("rms_norm_eps"),
            tiedEmbeddings: try fields.flag("tie_word_embeddings", default: false),
            projectionBias: family == .qwen2,
            maximumPositions: try fields.size("max_position_embeddings", default: family == .llama ? 2048 : 32768),
            initializerRange: try fields.positive("initializer_range", default: 0.02))
        try check(configuration, fields)
        try checkScales(fields, headDimension: configuration.headDimension)
        try checkWindows(fields, layerCount: configuration.layerCount)
        let rotary = try rotary(
            fields, headDimension: configuration.headDimension, maximumPositions: configuration.maximumPositions)
        for index in configuration.blocks.indices { configuration.blocks[index].attention.rotary = rotary }
        return configuration
    }

    /// Notices for a person about a readable configuration.
    ///
    /// - Throws: `Failure` (damaged data) if `json` is not JSON.
    static func notices(_ json: Data, origin: String) throws(Failure) -> [String] {
        let value = try JSONValue([UInt8](json), place: origin)
        guard let code = value["auto_map"], code != .null, let family = value["model_type"]?.text else { return [] }
        return [
            "\(origin) names its own program (auto_map), which is not run: the model is computed as \(family.printable), as in "
                + "Transformers without trust_remote_code"
        ]
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

    private static func check(_ configuration: ModelConfiguration, _ fields: ConfigurationFields) throws(Failure) {
        guard configuration.headCount.isMultiple(of: configuration.keyValueHeadCount) else {
            throw fields.damaged(
                "num_key_value_heads", "does not divide num_attention_heads = \(configuration.headCount)")
        }
        guard configuration.headDimension.isMultiple(of: 2) else {
            throw .damaged(
                fields.origin, "head_dim = \(configuration.headDimension) is odd, but rotary positions need an even number",
                remedy: "Correct config.json.")
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
                remedy: "Correct the sizes in config.json.")
        }
    }

    /// Refuses fields with a value that is not implemented, and unknown fields. A field with null counts as absent.
    private static func checkFixedFields(_ fields: ConfigurationFields, family: ModelFamily) throws(Failure) {
        for member in fields.object.members ?? [] {
            let name = member.name.string
            if name == "architectures" {
                try checkArchitectures(member.value, fields, family: family)
            } else if name == "layer_types" {
                for element in member.value.elements ?? [member.value] where member.value != .null {
                    try fields.require(.init(name: member.name, value: element), oneOf: [.string("full_attention")])
                }
            } else if name == "quantization_config" {
                try checkQuantization(member.value, fields)
            } else if let values = fixedFields(of: family)[name] {
                guard member.value != .null || required.contains(name) else { continue }
                try fields.require(member, oneOf: values)
            } else if !readFields.contains(name) && !harmlessFields.contains(name) && member.value != .null {
                throw fields.unknown(member)
            }
        }
    }

    /// Refuses quantised weights.
    private static func checkQuantization(_ value: JSONValue, _ fields: ConfigurationFields) throws(Failure) {
        guard value != .null else { return }
        let method = value["quant_method"]?.text.map { " by \($0.printable)" } ?? ""
        throw .configuration(
            fields.origin, "quantization_config says that the weights are quantised\(method), which is not implemented",
            remedy: "Use the model's weights in float32, float16 or bfloat16.")
    }

    /// Refuses scales of attention other than 1 / √head_dim.
    private static func checkScales(_ fields: ConfigurationFields, headDimension: Int) throws(Failure) {
        let usual = 1 / Double(headDimension).squareRoot()
        // A file may round the scale to seven digits, the precision of a float.
        if let scale = try fields.optionalPositive("attention_multiplier"), abs(scale / usual - 1) > 1e-6 {
            throw fields.unsupported("attention_multiplier", only: "\(usual), which is 1 / √head_dim")
        }
        if let scalar = try fields.optionalPositive("query_pre_attn_scalar"), scalar != Double(headDimension) {
            throw fields.unsupported("query_pre_attn_scalar", only: "\(headDimension), which is head_dim")
        }
    }

    /// Refuses a sliding window of attention. If one is used, layers from `max_window_layers` on have it.
    private static func checkWindows(_ fields: ConfigurationFields, layerCount: Int) throws(Failure) {
        guard try fields.flag("use_sliding_window", default: false), fields.object["sliding_window"] != .null else { return }
        if fields.value("max_window_layers") != nil, try fields.size("max_window_layers") >= layerCount { return }
        throw fields.unsupported("use_sliding_window", only: "false")
    }

    /// Refuses other heads: a sequence classifier or a reward model has the same `model_type`.
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
