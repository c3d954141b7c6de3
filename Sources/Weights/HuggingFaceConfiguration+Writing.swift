import Foundation
import JSON
import Settings
import Tensors

extension HuggingFaceConfiguration {
    /// A `config.json` for a model that has none yet. Both generations of names for `rope_theta` and the element type
    /// are written, so that Transformers 4 and 5 read the same model.
    ///
    /// - Parameter elementType: the type in which the weights beside it are stored.
    public static func json(for configuration: ModelConfiguration, elementType: ElementType) -> Data {
        func number(_ value: Double) -> JSONValue { .otherNumber(value.description) }
        let fields: [(JSONString, JSONValue)] = [
            ("architectures", .array([.text(architecture(of: configuration.family))])),
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
            ("torch_dtype", .text(name(of: elementType))),
            ("vocab_size", .integer(configuration.vocabularySize)),
        ]
        return JSONValue.object(fields.map { JSONValue.Member(name: $0, value: $1) }).file
    }

    /// A `config.json` that says `elementType` for the stored weights and is otherwise the same, number for number.
    ///
    /// - Throws: `Failure` (damaged data) when `json` is not a JSON object.
    public static func json(
        _ json: Data, withElementType elementType: ElementType, origin: String
    ) throws(Failure) -> Data {
        guard var members = try JSONValue([UInt8](json), place: origin).members else {
            throw .damaged(origin, "is not a JSON object", remedy: "Give a Hugging Face config.json.")
        }
        let value = JSONValue.text(name(of: elementType))
        let places = members.indices.filter { ["dtype", "torch_dtype"].contains(members[$0].name) }
        for place in places { members[place].value = value }
        if places.isEmpty { members.append(.init(name: "dtype", value: value)) }
        return JSONValue.object(members).file
    }

    /// PyTorch's name.
    private static func name(of elementType: ElementType) -> String {
        switch elementType {
        case .float32: "float32"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        }
    }
}
