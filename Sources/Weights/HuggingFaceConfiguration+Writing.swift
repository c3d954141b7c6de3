import Foundation
import Settings
import Tensors

extension HuggingFaceConfiguration {
    /// A `config.json` for a model that has none yet. Both generations of names for `rope_theta` and the element type
    /// are written, so that Transformers 4 and 5 read the same model.
    ///
    /// - Parameter elementType: the type in which the weights beside it are stored.
    public static func json(for configuration: ModelConfiguration, elementType: ElementType) -> Data {
        func number(_ value: Int) -> JSONValue { .number(String(value)) }
        func number(_ value: Double) -> JSONValue { .number(value.description) }
        let fields: [(String, JSONValue)] = [
            ("architectures", .array([.string(architecture(of: configuration.family))])),
            ("dtype", .string(name(of: elementType))),
            ("head_dim", number(configuration.headDimension)),
            ("hidden_act", .string("silu")),
            ("hidden_size", number(configuration.hiddenSize)),
            ("initializer_range", number(configuration.initializerRange)),
            ("intermediate_size", number(configuration.feedForwardSize)),
            ("max_position_embeddings", number(configuration.maximumPositions)),
            ("model_type", .string(configuration.family.rawValue)),
            ("num_attention_heads", number(configuration.headCount)),
            ("num_hidden_layers", number(configuration.layerCount)),
            ("num_key_value_heads", number(configuration.keyValueHeadCount)),
            ("rms_norm_eps", number(configuration.normEpsilon)),
            (
                "rope_parameters",
                .object([
                    .init(name: "rope_theta", value: number(configuration.ropeTheta)),
                    .init(name: "rope_type", value: .string("default")),
                ])
            ),
            ("rope_theta", number(configuration.ropeTheta)),
            ("tie_word_embeddings", .bool(configuration.tiedEmbeddings)),
            ("torch_dtype", .string(name(of: elementType))),
            ("vocab_size", number(configuration.vocabularySize)),
        ]
        return data(.object(fields.map { JSONValue.Member(name: $0, value: $1) }))
    }

    /// A `config.json` that says `elementType` for the stored weights and is otherwise the same, number for number.
    ///
    /// - Throws: `Failure` (damaged data) when `json` is not a JSON object.
    public static func json(
        _ json: Data, withElementType elementType: ElementType, origin: String
    ) throws(Failure) -> Data {
        guard var members = try JSONParser.parse([UInt8](json), place: origin).members else {
            throw .damaged(origin, "is not a JSON object", remedy: "Give a Hugging Face config.json.")
        }
        let value = JSONValue.string(name(of: elementType))
        let places = members.indices.filter { ["dtype", "torch_dtype"].contains(members[$0].name) }
        for place in places { members[place].value = value }
        if places.isEmpty { members.append(.init(name: "dtype", value: value)) }
        return data(.object(members))
    }

    static func data(_ value: JSONValue) -> Data { Data((value.indented() + "\n").utf8) }

    /// PyTorch's name.
    private static func name(of elementType: ElementType) -> String {
        switch elementType {
        case .float32: "float32"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        }
    }
}
