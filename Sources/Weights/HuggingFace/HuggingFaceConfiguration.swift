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
        let checkpoint = family.checkpoint
        try checkFixedFields(fields, checkpoint)
        let configuration = try checkpoint.configuration(fields)
        try checkSize(configuration, fields)
        try checkScales(fields, headDimension: configuration.headDimension, checkpoint)
        try checkWindows(fields, configuration, checkpoint)
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
                remedy: "Use a checkpoint of one of these: \(ModelFamily.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return family
    }

    private static func checkSize(_ configuration: ModelConfiguration, _ fields: ConfigurationFields) throws(Failure) {
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
    private static func checkFixedFields(_ fields: ConfigurationFields, _ family: some CheckpointFamily) throws(Failure) {
        let read = readFields.union(family.fields)
        let fixed = fixedFields(besides: family).merging(family.fixedFields) { $1 }
        for member in fields.object.members ?? [] {
            let name = member.name.string
            if name == "architectures" {
                try checkArchitectures(member.value, fields, wanted: family.architectures)
            } else if name == "quantization_config" {
                try checkQuantization(member.value, fields)
            } else if family.fixedFields[name] == nil, read.contains(name) || family.harmlessFields.contains(name) {
                continue
            } else if let values = fixed[name] {
                guard member.value != .null else { continue }
                do throws(Failure) { try fields.require(member, oneOf: values) } catch { throw dropoutAdvised(error, name) }
            } else if !harmlessFields.contains(name) && member.value != .null {
                throw fields.unknown(member)
            }
        }
    }

    /// A refused dropout says that a model can be trained without it.
    private static func dropoutAdvised(_ failure: Failure, _ name: String) -> Failure {
        guard name.hasSuffix("dropout") || name.hasSuffix("_pdrop") else { return failure }
        return Failure(
            failure.place, failure.reason, remedy: "Set \(name) to 0 in config.json to train without dropout.",
            exitCode: failure.exitCode)
    }

    /// Refuses quantised weights.
    private static func checkQuantization(_ value: JSONValue, _ fields: ConfigurationFields) throws(Failure) {
        guard value != .null else { return }
        let method = value["quant_method"]?.text.map { " by \($0.printable)" } ?? ""
        throw .configuration(
            fields.origin, "quantization_config says that the weights are quantised\(method), which is not implemented",
            remedy: "Use the model's weights in float32, float16 or bfloat16.")
    }

    /// Refuses scales of attention other than 1 / √head_dim in a family that has no such field.
    private static func checkScales(
        _ fields: ConfigurationFields, headDimension: Int, _ family: some CheckpointFamily
    ) throws(Failure) {
        let usual = 1 / Double(headDimension).squareRoot()
        // A file may round the scale to seven digits, the precision of a float.
        if !family.fields.contains("attention_multiplier"), let scale = try fields.optionalPositive("attention_multiplier"),
            abs(scale / usual - 1) > 1e-6
        {
            throw fields.unsupported("attention_multiplier", only: "\(usual), which is 1 / √head_dim")
        }
        if !family.fields.contains("query_pre_attn_scalar"), let scalar = try fields.optionalPositive("query_pre_attn_scalar"),
            scalar != Double(headDimension)
        {
            throw fields.unsupported("query_pre_attn_scalar", only: "\(headDimension), which is head_dim")
        }
    }

    /// Refuses fields that ask for other windows than the family gives its layers.
    private static func checkWindows(
        _ fields: ConfigurationFields, _ model: ModelConfiguration, _ family: some CheckpointFamily
    ) throws(Failure) {
        if !family.fields.contains("layer_types"), let value = fields.value("layer_types") {
            let hasWindow = model.blocks[0].attention.window != nil
            for element in value.elements ?? [value] {
                try fields.require(
                    .init(name: "layer_types", value: element), oneOf: [.string(hasWindow ? "sliding_attention" : "full_attention")])
            }
        }
        guard !family.fields.contains("use_sliding_window"), try fields.flag("use_sliding_window", default: false),
            fields.object["sliding_window"] != .null
        else { return }
        if fields.value("max_window_layers") != nil, try fields.size("max_window_layers") >= model.layerCount { return }
        throw fields.unsupported("use_sliding_window", only: "false")
    }

    /// Refuses other heads: a sequence classifier or a reward model has the same `model_type`.
    private static func checkArchitectures(
        _ value: JSONValue, _ fields: ConfigurationFields, wanted: [String]
    ) throws(Failure) {
        guard value != .null, value != .array([]) else { return }
        if let names = value.elements, wanted.contains(where: { names.contains(.text($0)) }) { return }
        throw .configuration(
            fields.origin, "architectures = \(value.excerpt) is not implemented",
            remedy: "Use a checkpoint of \(wanted[0]).")
    }
}
