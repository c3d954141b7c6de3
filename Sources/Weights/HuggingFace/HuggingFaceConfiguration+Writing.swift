import Foundation
import JSON
import Settings
import Tensors

extension HuggingFaceConfiguration {
    /// A `config.json` for a llama or qwen2 model that has none yet. It has the old and the new names of `rope_theta`
    /// and the element type, so that Transformers 4 and 5 read the same model.
    ///
    /// - Parameter elementType: the type of the stored weights.
    public static func json(for configuration: ModelConfiguration, elementType: ElementType) -> Data {
        let theta = configuration.blocks[0].attention.rotary?.theta ?? 10000
        func number(_ value: Double) -> JSONValue { .otherNumber(value.description) }
        let fields: [(JSONString, JSONValue)] = [
            ("architectures", .array([.text(configuration.family.checkpoint.architectures[0])])),
            ("dtype", .text(name(of: elementType))),
            ("head_dim", .integer(configuration.headDimension)),
            ("hidden_act", .string("silu")),
            ("hidden_size", .integer(configuration.hiddenSize)),
            ("initializer_range", number(configuration.initializerRange)),
            ("intermediate_size", .integer(configuration.feedForwardSize)),
            ("max_position_embeddings", .integer(configuration.maximumPositions)),
            ("model_type", .text(configuration.family.rawValue)),
            ("num_attention_heads", .integer(configuration.headCount)),
            ("num_hidden_layers", .integer(configuration.layerCount)),
            ("num_key_value_heads", .integer(configuration.keyValueHeadCount)),
            ("rms_norm_eps", number(configuration.finalNorm.epsilon)),
            (
                "rope_parameters",
                .object([
                    .init(name: "rope_theta", value: number(theta)),
                    .init(name: "rope_type", value: .string("default")),
                ])
            ),
            ("rope_theta", number(theta)),
            ("tie_word_embeddings", .bool(configuration.tiedEmbeddings)),
            ("torch_dtype", .text(name(of: elementType))),
            ("vocab_size", .integer(configuration.vocabularySize)),
        ]
        return JSONValue.object(fields.map { JSONValue.Member(name: $0, value: $1) }).file
    }

    /// The `config.json` of a model that starts at random from `json`: the shortest one of the same model, or `json` itself with
    /// all its fields if only they describe the model.
    ///
    /// - Throws: `Failure` (damaged data) if `json` is not a JSON object.
    public static func json(ofRandom configuration: ModelConfiguration, from json: Data, origin: String) throws(Failure) -> Data {
        if [.llama, .qwen2].contains(configuration.family) {
            let short = self.json(for: configuration, elementType: .float32)
            if try parse(short, origin: origin) == configuration { return short }
        }
        return try self.json(json, withElementType: .float32, origin: origin)
    }

    /// The `config.json` of a new folder, with `elementType` for its weights. All other numbers are unchanged. It lacks
    /// `auto_map`, because the programs that it names are not copied, and nulls that Transformers 5 refuses.
    ///
    /// - Throws: `Failure` (damaged data) if `json` is not a JSON object.
    public static func json(
        _ json: Data, withElementType elementType: ElementType, origin: String
    ) throws(Failure) -> Data {
        var members = try members(json, origin: origin)
        members.removeAll { $0.name == "auto_map" || ($0.value == .null && refusesNull($0.name.string)) }
        let value = JSONValue.text(name(of: elementType))
        let places = members.indices.filter { ["dtype", "torch_dtype"].contains(members[$0].name) }
        for place in places { members[place].value = value }
        if places.isEmpty { members.append(.init(name: "dtype", value: value)) }
        return JSONValue.object(members).file
    }

    /// The same `config.json` with another value of `tie_word_embeddings`.
    ///
    /// - Throws: `Failure` (damaged data) if `json` is not a JSON object.
    static func json(_ json: Data, tyingEmbeddings: Bool, origin: String) throws(Failure) -> Data {
        var members = try members(json, origin: origin)
        let member = JSONValue.Member(name: "tie_word_embeddings", value: .bool(tyingEmbeddings))
        if let index = members.firstIndex(where: { $0.name == member.name }) { members[index] = member } else { members.append(member) }
        return JSONValue.object(members).file
    }

    private static func members(_ json: Data, origin: String) throws(Failure) -> [JSONValue.Member] {
        guard let members = try JSONValue([UInt8](json), place: origin).members else {
            throw .damaged(origin, "is not a JSON object", remedy: "Give a Hugging Face config.json.")
        }
        return members
    }

    /// Whether Transformers 5 refuses null for this field, a flag or a number. The default of the field is the implemented
    /// value, so leaving it out has the same meaning.
    private static func refusesNull(_ name: String) -> Bool {
        let numbers = ["max_position_embeddings", "initializer_range", "partial_rotary_factor"]
        if (numbers + ["tie_word_embeddings", "use_sliding_window"]).contains(name) { return true }
        // Gemma's configuration in Transformers has null for this flag.
        guard name != "use_bidirectional_attention", let usual = commonFixedFields[name]?.first else { return false }
        return usual != .null
    }

    /// The name of the type in PyTorch.
    private static func name(of elementType: ElementType) -> String {
        switch elementType {
        case .float32: "float32"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        }
    }
}
