import Foundation
import JSON
import Settings
import Tensors
import Testing

@testable import Weights

@Suite struct HuggingFaceConfigurationTests {
    /// The base of the rotary frequencies in all blocks.
    private func theta(_ model: ModelConfiguration) -> Double? { model.blocks[0].attention.rotary?.theta }

    private func parse(_ changes: [String: String?] = [:]) throws(Failure) -> ModelConfiguration {
        try HuggingFaceConfiguration.parse(Data(configuration(changes).utf8), origin: "config.json")
    }

    @Test("a small configuration is read, with Transformers' defaults for what it leaves out")
    func defaults() throws {
        let expected = ModelConfiguration(
            family: .llama, vocabularySize: 10, hiddenSize: 8, feedForwardSize: 12, layerCount: 1, headCount: 4,
            keyValueHeadCount: 2, headDimension: 2, ropeTheta: 10000, normEpsilon: 1e-5, tiedEmbeddings: true,
            projectionBias: false, maximumPositions: 2048, initializerRange: 0.02)
        #expect(try parse() == expected)
        let sparse = try parse(["num_key_value_heads": nil, "tie_word_embeddings": nil, "head_dim": "null"])
        #expect(sparse.keyValueHeadCount == 4 && !sparse.tiedEmbeddings && sparse.headDimension == 2)
    }

    @Test("a byte order mark at the beginning is no part of the text")
    func mark() throws {
        let marked = Data([0xEF, 0xBB, 0xBF]) + Data(configuration([:]).utf8)
        #expect(try HuggingFaceConfiguration.parse(marked, origin: "config.json") == parse())
    }

    @Test("every field that is read arrives")
    func fields() throws {
        let read = try parse([
            "head_dim": "6", "rope_theta": "500000", "max_position_embeddings": "77", "initializer_range": "0.5",
            "rms_norm_eps": "0.001",
        ])
        #expect(read.headDimension == 6 && theta(read) == 500_000 && read.maximumPositions == 77)
        #expect(read.initializerRange == 0.5 && read.finalNorm.epsilon == 0.001)
    }

    @Test("qwen2 has biases, and the qwen2 fields that change nothing are accepted")
    func qwen2() throws {
        let read = try parse([
            "model_type": "\"qwen2\"", "architectures": #"["Qwen2ForCausalLM"]"#, "use_sliding_window": "false",
            "sliding_window": "4096", "max_window_layers": "28", "layer_types": #"["full_attention"]"#,
            "use_mrope": "false",
        ])
        #expect(read.family == .qwen2 && read.projectionBias && read.maximumPositions == 32768)
    }

    @Test(
        "fields that leave the mathematics alone are accepted",
        arguments: [
            ("rope_parameters", #"{"rope_theta": 3.5, "rope_type": "default"}"#), ("rope_parameters", "null"),
            ("rope_scaling", "null"), ("attention_bias", "false"), ("mlp_bias", "false"), ("pretraining_tp", "1"),
            ("attention_dropout", "0"), ("attention_dropout", "0.0"), ("hidden_act", "\"silu\""),
            ("rope_interleaved", "false"),
            ("partial_rotary_factor", "1.0"), ("quantization_config", "null"), ("torch_dtype", "\"bfloat16\""),
            ("architectures", #"["LlamaForCausalLM"]"#), ("architectures", "null"), ("eos_token_id", "[1, 2]"),
            ("is_llama_config", "true"), ("transformers.js_config", #"{"dtype": "q4"}"#), ("layer_types", "null"),
            // What exporters of today write where it says nothing.
            ("auto_map", #"{"AutoModelForCausalLM":"modeling_x.X"}"#), ("attention_bias", "null"), ("mlp_bias", "null"),
            ("pretraining_tp", "null"), ("attention_dropout", "null"), ("residual_multiplier", "1.0"),
            ("embedding_multiplier", "1"), ("logits_scaling", "1.0"), ("logit_scale", "1"), ("sliding_window", "null"),
            ("use_sliding_window", "false"), ("use_sliding_window", "null"), ("query_pre_attn_scalar", "2"),
            ("attention_multiplier", "0.70710678118654757"), ("attention_multiplier", "0.7071068"), ("attention_multiplier", "null"),
            ("final_logit_softcapping", "null"), ("hidden_act", "\"swish\""), ("layer_types", #"["full_attention"]"#),
            ("use_qk_norm", "false"), ("text_config", "null"), ("some_new_field", "null"), ("tie_encoder_decoder", "false"),
            ("is_causal", "true"), ("loss_type", "\"ForCausalLM\""), ("model_max_length", "4096"),
            ("rope_parameters", "{}"), ("rope_scaling", "{}"), ("rope_scaling", #"{"type": "default"}"#),
            ("rope_scaling", #"{"rope_type": "default"}"#), ("rope_scaling", #"{"rope_type": "default", "type": "default", "factor": 1.0}"#),
            ("rope_scaling", #"{"type": "linear", "factor": 1.0}"#), ("rope_scaling", #"{"rope_type": null, "factor": null}"#),
            ("rope_scaling", #"{"rope_theta": 3.5, "rope_type": "default"}"#),
            ("rope_parameters", #"{"rope_theta": 3.5, "rope_type": "linear", "factor": 1, "partial_rotary_factor": 1.0}"#),
        ])
    func accepted(name: String, value: String) throws {
        let read = try parse([name: value])
        #expect(theta(read) == (value.contains("3.5") ? 3.5 : 10000))
    }

    @Test(
        "fields that change the mathematics are refused by name and value",
        arguments: [
            ("model_type", "\"mamba2\""), ("hidden_act", "\"relu\""), ("hidden_act", "null"),
            ("partial_rotary_factor", "0.5"),
            ("use_sliding_window", "true"), ("layer_types", #"["full_attention","sliding_attention"]"#),
            ("pretraining_tp", "2"),
            ("pretraining_tp", "true"), ("attention_dropout", "0.1"), ("rope_interleaved", "true"),
            ("use_mrope", "true"),
            ("quantization_config", #"{"bits":4}"#), ("quantization_config", "{}"),
            ("is_encoder_decoder", "true"),
            ("architectures", #"["LlamaForSequenceClassification"]"#), ("some_new_scale", "1.5"),
            ("layer_types", "\"sliding_attention\""),

            ("rope_parameters", #"{"rope_type":"default","factor":4}"#),
            ("rope_parameters", #"{"partial_rotary_factor":0.25}"#),
            ("residual_multiplier", "0.22"), ("embedding_multiplier", "12"), ("logits_scaling", "8.0"), ("logits_scaling", "true"),
            ("attention_multiplier", "0.5"), ("query_pre_attn_scalar", "256"), ("final_logit_softcapping", "30.0"),
            ("hidden_act", "\"quick_gelu\""), ("use_qk_norm", "true"), ("text_config", #"{"hidden_size": 8}"#),
            ("some_new_field", "false"), ("is_causal", "false"), ("rope_scaling", #"{"factor": 2.0}"#),
            ("rope_scaling", #"{"rope_type":"default","mrope_section":[1,1]}"#),
        ])
    func refused(name: String, value: String) throws {
        let failure = try #require(throws: Failure.self) { try parse([name: value]) }
        #expect(failure.exitCode == .configuration)
        #expect(failure.description.contains(name))
        #expect(!failure.description.contains("\n"))
    }

    @Test("a window that begins beyond the last layer, or has no size, is none")
    func windows() throws {
        for changes in [["max_window_layers": "1"], ["max_window_layers": "28"], ["sliding_window": "null"]] {
            #expect(throws: Never.self) { try parse(["use_sliding_window": "true"].merging(changes) { $1 }) }
        }
        #expect(throws: Failure.self) { try parse(["use_sliding_window": "true", "max_window_layers": "0"]) }
    }

    @Test("what is written of a configuration can be read by Transformers 5: no null of a flag, no program that stays behind")
    func loadable() throws {
        let written = configuration([
            "attention_bias": "null", "mlp_bias": "null", "auto_map": #"{"AutoConfig":"x.X"}"#, "rope_scaling": "null",
            "pad_token_id": "null", "sliding_window": "null", "head_dim": "null",
        ])
        let json = try JSONValue(parsing: [UInt8](HuggingFaceConfiguration.json(Data(written.utf8), withElementType: .float32, origin: "x")))
        #expect(["attention_bias", "mlp_bias", "auto_map"].allSatisfy { json[$0] == nil })
        #expect(["rope_scaling", "pad_token_id", "sliding_window", "head_dim"].allSatisfy { json[$0] == .null })
    }

    @Test("a refusal shows the value, and an unknown field says why it is refused")
    func wording() throws {
        let known = try #require(throws: Failure.self) { try parse(["hidden_act": "\"relu\""]) }
        #expect(known.reason == #"hidden_act = "relu" is not implemented, only "silu", "gelu" or "gelu_pytorch_tanh""#)
        let unknown = try #require(throws: Failure.self) { try parse(["some_new_scale": "1.5"]) }
        #expect(unknown.reason == "unknown field some_new_scale = 1.5: it may change the mathematics")
        let qwen = try #require(throws: Failure.self) {
            try parse(["model_type": "\"qwen2\"", "attention_bias": "false"])
        }
        #expect(qwen.reason.contains("unknown field attention_bias"))
    }

    @Test(
        "values that can't be are damaged data, named",
        arguments: [
            ("hidden_size", nil), ("intermediate_size", nil), ("num_hidden_layers", nil), ("num_attention_heads", nil),
            ("vocab_size", nil), ("rms_norm_eps", nil), ("model_type", nil), ("model_type", "7"), ("hidden_size", "0"),
            ("hidden_size", "-8"), ("hidden_size", "8.0"), ("hidden_size", "\"8\""), ("hidden_size", "true"),
            ("hidden_size", "3000000000"), ("vocab_size", "null"), ("num_key_value_heads", "3"),
            ("num_key_value_heads", "8"),
            ("num_attention_heads", "3"), ("head_dim", "3"), ("head_dim", "0"), ("rms_norm_eps", "0"),
            ("rms_norm_eps", "-1e-5"),
            ("rms_norm_eps", "1e999"), ("rms_norm_eps", "true"), ("rope_theta", "0"), ("rope_theta", "\"1e4\""),
            ("tie_word_embeddings", "1"), ("max_position_embeddings", "1.5"), ("initializer_range", "-0.02"),
            ("rope_parameters", "[]"), ("rope_parameters", #"{"rope_theta":true}"#),
        ] as [(String, String?)])
    func damaged(name: String, value: String?) throws {
        let failure = try #require(throws: Failure.self) { try parse([name: value]) }
        #expect(failure.exitCode == .damagedData)
        #expect(failure.description.contains(name))
    }

    @Test("two contradicting rotary bases, and a model too large to be, are refused")
    func contradictions() throws {
        let bases = ["rope_theta": "10000", "rope_parameters": #"{"rope_theta":500000}"#]
        #expect(try #require(throws: Failure.self) { try parse(bases) }.description.contains("contradicts"))
        #expect(
            try theta(parse(["rope_theta": "500000.0", "rope_parameters": #"{"rope_theta":500000}"#])) == 500_000)
        for other in ["rope_theta", "rope_parameters"] {
            let theta = other == "rope_theta" ? "10000" : #"{"rope_theta":10000}"#
            let scaling = [other: theta, "rope_scaling": #"{"rope_theta":500000,"rope_type":"default"}"#]
            #expect(try #require(throws: Failure.self) { try parse(scaling) }.description.contains("contradicts"))
        }
        let types = ["rope_scaling": #"{"type":"linear","rope_type":"default"}"#]
        #expect(try #require(throws: Failure.self) { try parse(types) }.reason.contains("contradicts rope_type"))
        let huge = ["hidden_size": "2000000000", "vocab_size": "2000000000"]
        #expect(try #require(throws: Failure.self) { try parse(huge) }.exitCode == .damagedData)
    }

    @Test("malformed JSON is damaged data", arguments: ["", "{", "[]", "null", #"{"vocab_size":1,"vocab_size":2}"#])
    func malformed(text: String) throws {
        let failure = try #require(throws: Failure.self) {
            try HuggingFaceConfiguration.parse(Data(text.utf8), origin: "config.json")
        }
        #expect(failure.exitCode == .damagedData && failure.place == "config.json")
    }

    @Test("a configuration that is written reads back the same", arguments: [ModelFamily.llama, .qwen2])
    func roundTrip(family: ModelFamily) throws {
        let configuration = ModelConfiguration(
            family: family, vocabularySize: 10, hiddenSize: 8, feedForwardSize: 12, layerCount: 3, headCount: 4,
            keyValueHeadCount: 2, headDimension: 6, ropeTheta: 1e6, normEpsilon: 1e-6, tiedEmbeddings: true,
            projectionBias: family == .qwen2, maximumPositions: 99, initializerRange: 0.041666666666666664)
        let json = HuggingFaceConfiguration.json(for: configuration, elementType: .bfloat16)
        #expect(try HuggingFaceConfiguration.parse(json, origin: "x") == configuration)
        #expect(String(decoding: json, as: UTF8.self).contains(#""torch_dtype": "bfloat16""#))
    }

    @Test("changing the element type changes nothing else, not even a number's spelling")
    func rewriting() throws {
        let original = "{\n  \"z\": 1e-05,\n  \"torch_dtype\": \"float32\",\n  \"a\": [\n    1.50,\n    {}\n  ]\n}\n"
        let changed = try HuggingFaceConfiguration.json(Data(original.utf8), withElementType: .bfloat16, origin: "x")
        #expect(String(decoding: changed, as: UTF8.self) == original.replacing("float32", with: "bfloat16"))
        let added = try HuggingFaceConfiguration.json(Data(#"{"a":1}"#.utf8), withElementType: .float32, origin: "x")
        #expect(String(decoding: added, as: UTF8.self) == "{\n  \"a\": 1,\n  \"dtype\": \"float32\"\n}\n")
    }
}
