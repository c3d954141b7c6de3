import Foundation
import Settings
import Testing

@testable import Weights

/// A model of 2 blocks of width 16, 4 query heads in 2 groups, 10 tokens, 24 inner columns.
private func model(
    _ family: ModelFamily, _ numbers: FamilyNumbers = FamilyNumbers(), block change: (Int, inout BlockConfiguration) -> Void
) -> ModelConfiguration {
    let norm = NormConfiguration(
        numbers.hasLayerNorm ? .layer : .rootMeanSquare, epsilon: numbers.epsilon, hasBias: numbers.hasNormBias)
    let dimension = numbers.headDimension
    let attention = AttentionConfiguration(
        headCount: 4, keyValueHeadCount: 2, headDimension: dimension,
        rotary: numbers.theta.map { RotaryConfiguration(theta: $0, dimension: dimension) })
    var blocks: [BlockConfiguration] = []
    for index in 0..<2 {
        var block = BlockConfiguration(attention: attention, feedForward: FeedForwardConfiguration(size: 24), norm: norm)
        change(index, &block)
        blocks.append(block)
    }
    return ModelConfiguration(
        family: family, vocabularySize: 10, hiddenSize: 16, blocks: blocks, finalNorm: norm,
        head: HeadConfiguration(isTied: numbers.isTied), maximumPositions: 64, initializerRange: 0.02)
}

private func model(
    _ family: ModelFamily, _ numbers: FamilyNumbers, change: (inout ModelConfiguration) -> Void,
    block: (Int, inout BlockConfiguration) -> Void
) -> ModelConfiguration {
    var model = model(family, numbers, block: block)
    change(&model)
    return model
}

/// A `config.json` of the sizes of `model`, as Transformers writes it.
private func json(
    _ type: String, _ fields: String..., rope: String = #""rope_parameters":{"rope_theta":10000.0,"rope_type":"default"}"#
) -> String {
    var members = [
        #""model_type":"\#(type)""#, #""vocab_size":10,"hidden_size":16,"intermediate_size":24,"num_hidden_layers":2"#,
        #""num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":64,"hidden_act":"silu""#,
        #""attention_dropout":0.0,"use_cache":true,"initializer_range":0.02"#,
    ]
    members += (rope.isEmpty ? [] : [rope]) + fields
    return "{" + members.joined(separator: ",") + "}"
}

/// Rotary positions of layers without and with a window.
private func layered(full: String, sliding: String) -> String {
    let kinds = [("full_attention", full), ("sliding_attention", sliding)]
    let objects = kinds.map { #""\#($0.0)":{"rope_theta":\#($0.1),"rope_type":"default"}"# }
    return #""rope_parameters":{\#(objects.joined(separator: ","))}"#
}

private let old = #""rope_theta":10000.0,"rope_scaling":null"#
private let untied = #""tie_word_embeddings":false"#

@Suite struct FamilyConfigurationTests {
    static let likeLlama: [FamilyCase] = [
        FamilyCase(
            name: "llama with biases",
            json: json("llama", #""attention_bias":true,"mlp_bias":true,"rms_norm_eps":1e-6,"pretraining_tp":1,\#(untied)"#),
            model: model(.llama, FamilyNumbers(epsilon: 1e-6)) { _, block in
                block.attention.projectionBias = true
                block.attention.outputBias = true
                block.feedForward.hasBias = true
            }),
        FamilyCase(
            name: "qwen2 with windows from layer 1, by Transformers 4",
            json: json(
                "qwen2", #""use_sliding_window":true,"sliding_window":7,"max_window_layers":1,"rms_norm_eps":1e-6,\#(untied)"#, rope: old),
            model: model(.qwen2, FamilyNumbers(epsilon: 1e-6)) { index, block in
                block.attention.projectionBias = true
                block.attention.window = index == 1 ? 7 : nil
            }),
        FamilyCase(
            name: "qwen3",
            json: json(
                "qwen3",
                #""head_dim":6,"attention_bias":false,"layer_types":["full_attention","full_attention"],"max_window_layers":28"#,
                #""sliding_window":null,"use_sliding_window":false,"rms_norm_eps":1e-6,"tie_word_embeddings":true"#),
            model: model(.qwen3, FamilyNumbers(epsilon: 1e-6, isTied: true, headDimension: 6)) { _, block in
                block.attention.queryKeyNorm = .init(NormConfiguration(epsilon: 1e-6), span: .head)
            }),
        FamilyCase(
            name: "mistral with a window",
            json: json("mistral", #""head_dim":4,"sliding_window":7,"rms_norm_eps":1e-6,\#(untied)"#),
            model: model(.mistral, FamilyNumbers(epsilon: 1e-6)) { $1.attention.window = 7 }),
        FamilyCase(
            name: "mistral whose file has no window field: Transformers takes 4096",
            json: json("mistral", #""rms_norm_eps":1e-6"#, rope: old),
            model: model(.mistral, FamilyNumbers(epsilon: 1e-6)) { $1.attention.window = 4096 }),
        FamilyCase(
            name: "internlm3, by its own names of biases",
            json: json("internlm3", #""architectures":["InternLM3ForCausalLM"],"qkv_bias":true,"bias":true,"head_dim":4,"rms_norm_eps":1e-5"#),
            model: model(.internlm3, FamilyNumbers(epsilon: 1e-5)) { _, block in
                block.attention.projectionBias = true
                block.attention.outputBias = true
                block.feedForward.hasBias = true
            }),
        FamilyCase(
            name: "seed_oss",
            json: json(
                "seed_oss", #""attention_bias":true,"attention_out_bias":false,"mlp_bias":false,"head_dim":6,"residual_dropout":0.0"#,
                #""pretraining_tp":1,"rms_norm_eps":1e-6"#),
            model: model(.seedOSS, FamilyNumbers(epsilon: 1e-6, headDimension: 6)) { $1.attention.projectionBias = true }),
        FamilyCase(
            name: "smollm3",
            json: json(
                "smollm3", #""no_rope_layers":[1,0],"no_rope_layer_interval":2,"layer_types":["full_attention","full_attention"]"#,
                #""rms_norm_eps":1e-6,"mlp_bias":false,"attention_bias":false,"sliding_window":null,"use_sliding_window":false"#,
                rope: ""),
            model: model(.smollm3, FamilyNumbers(epsilon: 1e-6, isTied: true, theta: 2_000_000)) { index, block in
                if index == 1 { block.attention.rotary = nil }
            }),
        FamilyCase(
            name: "granite",
            json: json(
                "granite", #""embedding_multiplier":3.0,"attention_multiplier":0.2,"residual_multiplier":0.5,"logits_scaling":2.0"#,
                #""attention_bias":false,"mlp_bias":false,"rms_norm_eps":1e-6"#),
            model: model(
                .granite, FamilyNumbers(epsilon: 1e-6),
                change: {
                    $0.embedding.scale = 3
                    $0.head.scale = 0.5
                },
                block: { _, block in
                    block.attention.scale = 0.2
                    block.residualScale = 0.5
                })),
        FamilyCase(
            name: "phi3 with half of the columns turning",
            json: json(
                "phi3", #""embd_pdrop":0.0,"resid_pdrop":0.0,"original_max_position_embeddings":4096,"sliding_window":7,"rms_norm_eps":1e-5"#,
                rope: #""rope_parameters":{"rope_theta":10000.0,"rope_type":"default","partial_rotary_factor":0.5}"#),
            model: model(.phi3, FamilyNumbers(epsilon: 1e-5)) { _, block in
                block.attention.window = 7
                block.attention.rotary?.dimension = 2
            }),
        FamilyCase(
            name: "hunyuan",
            json: json("hunyuan_v1_dense", #""eod_token_id":3,"head_dim":6,"attention_bias":false,"rms_norm_eps":1e-5"#),
            model: model(.hunyuan, FamilyNumbers(epsilon: 1e-5, headDimension: 6)) { _, block in
                block.attention.queryKeyNorm = .init(NormConfiguration(epsilon: 1e-5), span: .head, followsRotary: true)
            }),
    ]

    static let withOtherNorms: [FamilyCase] = [
        FamilyCase(
            name: "olmo2",
            json: json("olmo2", #""attention_bias":false,"rms_norm_eps":1e-6"#),
            model: model(.olmo2, FamilyNumbers(epsilon: 1e-6)) { _, block in
                block.residual = .postNorm
                block.attention.queryKeyNorm = .init(NormConfiguration(epsilon: 1e-6), span: .allHeads)
            }),
        FamilyCase(
            name: "olmo3: bases of both kinds of layers",
            json: json(
                "olmo3", #""layer_types":["sliding_attention","full_attention"],"sliding_window":7,"rms_norm_eps":1e-6"#,
                rope: layered(full: "50.0", sliding: "60.0")),
            model: model(.olmo3, FamilyNumbers(epsilon: 1e-6)) { index, block in
                block.residual = .postNorm
                block.attention.queryKeyNorm = .init(NormConfiguration(epsilon: 1e-6), span: .allHeads)
                block.attention.window = index == 0 ? 7 : nil
                block.attention.rotary?.theta = index == 0 ? 60 : 50
            }),
        FamilyCase(
            name: "exaone4: only layers with a window turn",
            json: json("exaone4", #""sliding_window":7,"sliding_window_pattern":2,"rms_norm_eps":1e-6"#),
            model: model(.exaone4, FamilyNumbers(epsilon: 1e-6)) { index, block in
                block.residual = .postNorm
                block.attention.queryKeyNorm = .init(NormConfiguration(epsilon: 1e-6), span: .head)
                if index == 0 { block.attention.window = 7 } else { block.attention.rotary = nil }
            }),
        FamilyCase(
            name: "exaone4 without windows turns everywhere",
            json: json(
                "exaone4", #""sliding_window":null,"sliding_window_pattern":null,"rms_norm_eps":1e-6"#,
                #""layer_types":["full_attention","full_attention"]"#,
                rope: old),
            model: model(.exaone4, FamilyNumbers(epsilon: 1e-6)) { _, block in
                block.residual = .postNorm
                block.attention.queryKeyNorm = .init(NormConfiguration(epsilon: 1e-6), span: .head)
            }),
        FamilyCase(
            name: "glm4",
            json: json(
                "glm4", #""head_dim":8,"attention_bias":true,"rms_norm_eps":1.5625e-07"#, rope: #""rope_theta":10000.0"#),
            model: model(.glm4, FamilyNumbers(epsilon: 1.5625e-07, headDimension: 8)) { _, block in
                block.residual = .sandwich
                block.attention.projectionBias = true
                block.attention.rotary = RotaryConfiguration(theta: 10000, dimension: 4, pairing: .neighbours)
            }),
        FamilyCase(
            name: "stablelm, parallel, with norms of single heads",
            json: json(
                "stablelm", #""layer_norm_eps":1e-5,"use_qkv_bias":true,"qk_layernorm":true,"use_parallel_residual":true,"head_dim":8"#),
            model: model(.stablelm, FamilyNumbers(epsilon: 1e-5, headDimension: 8, hasLayerNorm: true, hasNormBias: true)) { _, block in
                block.residual = .parallel(isNormShared: true)
                block.attention.projectionBias = true
                block.attention.rotary?.dimension = 2
                block.attention.queryKeyNorm = .init(NormConfiguration(.layer, epsilon: 1e-5), span: .headWithOwnWeight)
            }),
        FamilyCase(
            name: "starcoder2",
            json: json(
                "starcoder2", #""norm_epsilon":1e-4,"use_bias":true,"sliding_window":7,"residual_dropout":0.0,"embedding_dropout":0.0"#
            ).replacing(#""silu""#, with: #""gelu_pytorch_tanh""#),
            model: model(.starcoder2, FamilyNumbers(epsilon: 1e-4, isTied: true, hasLayerNorm: true, hasNormBias: true)) { _, block in
                block.attention.projectionBias = true
                block.attention.outputBias = true
                block.attention.window = 7
                block.feedForward = FeedForwardConfiguration(size: 24, isGated: false, activation: .geluTanh, hasBias: true)
            }),
        FamilyCase(
            name: "cohere with norms of queries and keys",
            json: json("cohere", #""layer_norm_eps":1e-5,"logit_scale":0.5,"use_qk_norm":true,"attention_bias":false"#, rope: ""),
            model: model(
                .cohere, FamilyNumbers(epsilon: 1e-5, isTied: true, theta: 500_000, hasLayerNorm: true), change: { $0.head.scale = 0.5 },
                block: { _, block in
                    block.residual = .parallel(isNormShared: true)
                    block.attention.rotary?.pairing = .neighbours
                    block.attention.queryKeyNorm = .init(NormConfiguration(.layer, epsilon: 1e-5), span: .headWithOwnWeight)
                })),
        FamilyCase(
            name: "cohere2",
            json: json("cohere2", #""layer_norm_eps":1e-5,"sliding_window":7,"sliding_window_pattern":2"#),
            model: model(
                .cohere2, FamilyNumbers(epsilon: 1e-5, isTied: true, hasLayerNorm: true), change: { $0.head.scale = 0.0625 },
                block: { index, block in
                    block.residual = .parallel(isNormShared: true)
                    block.attention.rotary?.pairing = .neighbours
                    if index == 0 { block.attention.window = 7 } else { block.attention.rotary = nil }
                })),
    ]

    @Test("config.json of a family becomes the model that Transformers computes", arguments: likeLlama + withOtherNorms + gemmas + gemma3s + gpts)
    func families(_ family: FamilyCase) throws {
        #expect(try HuggingFaceConfiguration.parse(Data(family.json.utf8), origin: "config.json") == family.model)
    }

    /// Norms of 1 + w.
    private static func gemma(_ block: inout BlockConfiguration) {
        block.norm.weight = .onePlus
        block.feedForward.activation = .geluTanh
    }

    private static func gemma(_ model: inout ModelConfiguration) {
        model.finalNorm.weight = .onePlus
        model.embedding.scale = 4
    }

    static let gemmas: [FamilyCase] = [
        FamilyCase(
            name: "gemma, whose first files say gelu and mean the tanh approximation",
            json: json("gemma", #""head_dim":6,"rms_norm_eps":1e-6,"hidden_activation":null"#, rope: old)
                .replacing(#""silu""#, with: #""gelu""#),
            model: model(.gemma, FamilyNumbers(epsilon: 1e-6, isTied: true, headDimension: 6), change: gemma, block: { gemma(&$1) })),
        FamilyCase(
            name: "gemma2",
            json: json(
                "gemma2",
                #""head_dim":6,"hidden_activation":"gelu_pytorch_tanh","query_pre_attn_scalar":64,"attn_logit_softcapping":50.0"#,
                #""final_logit_softcapping":30.0,"sliding_window":7,"cache_implementation":"hybrid","rms_norm_eps":1e-6"#
            ).replacing(#""silu""#, with: #""gelu_pytorch_tanh""#),
            model: model(
                .gemma2, FamilyNumbers(epsilon: 1e-6, isTied: true, headDimension: 6),
                change: {
                    gemma(&$0)
                    $0.head.softCap = 30
                },
                block: { index, block in
                    gemma(&block)
                    block.residual = .sandwich
                    block.attention.scale = 0.125
                    block.attention.scoreSoftCap = 50
                    block.attention.window = index == 0 ? 7 : nil
                })),
    ]

    static let gemma3s: [FamilyCase] = ["5", "4"].map { version in
        FamilyCase(
            name: "gemma3 \(version)",
            json: json(
                "gemma3_text",
                #""head_dim":6,"hidden_activation":"gelu_pytorch_tanh","query_pre_attn_scalar":64,"attn_logit_softcapping":null"#,
                #""final_logit_softcapping":null,"sliding_window":7,"rms_norm_eps":1e-6,"use_bidirectional_attention":false"#,
                (version == "4" ? #""sliding_window_pattern":2"# : #""layer_types":["sliding_attention","full_attention"]"#),
                rope: version == "4"
                    ? #""rope_theta":1000000,"rope_local_base_freq":500.0,"rope_scaling":null"#
                    : layered(full: "1000000.0", sliding: "500.0")
            ).replacing(#""silu""#, with: #""gelu_pytorch_tanh""#),
            model: model(
                .gemma3, FamilyNumbers(epsilon: 1e-6, isTied: true, theta: 1_000_000, headDimension: 6), change: gemma,
                block: { index, block in
                    gemma(&block)
                    let norm = NormConfiguration(epsilon: 1e-6, weight: .onePlus)
                    block.residual = .sandwich
                    block.attention.scale = 0.125
                    block.attention.queryKeyNorm = .init(norm, span: .head)
                    if index == 0 {
                        block.attention.window = 7
                        block.attention.rotary?.theta = 500
                    }
                }))
    }

    static let gpts: [FamilyCase] = [
        FamilyCase(
            name: "gpt2 with scores that shrink by layer",
            json: "{"
                + [
                    #""model_type":"gpt2","vocab_size":10,"n_embd":16,"n_layer":2,"n_head":4,"n_inner":null,"n_positions":64,"n_ctx":64"#,
                    #""activation_function":"gelu_new","attn_pdrop":0.0,"embd_pdrop":0.0,"resid_pdrop":0.0,"layer_norm_epsilon":1e-5"#,
                    #""scale_attn_weights":true,"scale_attn_by_inverse_layer_idx":true,"summary_type":"cls_index","num_key_value_heads":2"#,
                ].joined(separator: ",") + "}",
            model: model(
                .gpt2, FamilyNumbers(epsilon: 1e-5, isTied: true, theta: nil, hasLayerNorm: true, hasNormBias: true),
                change: { $0.embedding.positionCount = 64 },
                block: { index, block in
                    block.attention.keyValueHeadCount = 4
                    block.attention.projectionBias = true
                    block.attention.outputBias = true
                    block.attention.scale = index == 0 ? nil : 0.25
                    block.feedForward = FeedForwardConfiguration(size: 64, isGated: false, activation: .geluTanh, hasBias: true)
                })),
        FamilyCase(
            name: "gpt_neox by Transformers 4, with a layer behind the other",
            json: json(
                "gpt_neox",
                #""layer_norm_eps":1e-5,"rotary_pct":0.5,"rotary_emb_base":10000,"use_parallel_residual":false,"attention_bias":true"#,
                #""classifier_dropout":0.1,"hidden_dropout":0.0"#, rope: ""
            ).replacing(#""silu""#, with: #""gelu""#),
            model: model(.gptNeoX, FamilyNumbers(epsilon: 1e-5, hasLayerNorm: true, hasNormBias: true)) { _, block in
                block.attention.keyValueHeadCount = 4
                block.attention.projectionBias = true
                block.attention.outputBias = true
                block.attention.rotary?.dimension = 2
                block.feedForward = FeedForwardConfiguration(size: 24, isGated: false, activation: .gelu, hasBias: true)
            }),
    ]

    // MARK: Refusals

    @Test(
        "bad fields of a family are refused in one line that names them",
        arguments: [
            ("mistral", #""sliding_window":0"#, "sliding_window = 0"), ("mistral", #""sliding_window":-1"#, "sliding_window = -1"),
            ("qwen3", #""layer_types":["full_attention"]"#, "layer_types lists 1 layers"),
            ("qwen3", #""layer_types":["full_attention","chunked_attention"]"#, "chunked_attention"),
            ("qwen3", #""layer_types":["full_attention","sliding_attention"]"#, "there is no sliding_window"),
            ("smollm3", #""no_rope_layers":[1]"#, "no_rope_layers"), ("smollm3", #""no_rope_layers":[1,2]"#, "no_rope_layers"),
            ("internlm3", #""attention_bias":true,"mlp_bias":false"#, "mlp_bias"),
            ("internlm3", #""qkv_bias":true,"attention_bias":false"#, "qkv_bias"),
            ("granite", #""logits_scaling":0"#, "logits_scaling = 0"), ("seed_oss", #""residual_dropout":0.1"#, "residual_dropout"),
            ("seed_oss", #""pretraining_tp":1"#, "residual_dropout is missing"), ("phi3", #""full_attn_mod":2"#, "full_attn_mod"),
            ("olmo2", #""clip_qkv":8.0"#, "clip_qkv"), ("olmo3", #""rope_parameters":{"rope_theta":3.0}"#, "rope_parameters"),
            ("gemma", #""use_bidirectional_attention":true"#, "use_bidirectional_attention"),
            ("gemma", #""hidden_activation":"relu""#, "hidden_activation"), ("cohere", #""embedding_multiplier":2"#, "embedding_multiplier"),
            ("glm4", #""partial_rotary_factor":1.5"#, "partial_rotary_factor"),
            ("qwen3", #""partial_rotary_factor":0.5"#, "partial_rotary_factor"),
            ("gpt_neox", #""use_parallel_residual":1"#, "use_parallel_residual"), ("qwen3", #""num_experts":4"#, "num_experts"),
            ("stablelm", #""hidden_dropout":0.1"#, "hidden_dropout"),
            ("exaone4", #""sliding_window_pattern":"LG""#, "sliding_window_pattern"),
            // Infinite or 0 in single precision.
            ("granite", #""logits_scaling":1e300"#, "logits_scaling"),
            ("granite", #""logits_scaling":1e-60"#, "logits_scaling"),
        ])
    func refused(type: String, field: String, words: String) throws {
        let text = json(type, field + #","rms_norm_eps":1e-6,"head_dim":8"#, rope: "")
        let failure = try #require(throws: Failure.self) {
            try HuggingFaceConfiguration.parse(Data(text.utf8), origin: "config.json")
        }
        #expect(failure.reason.contains(words) && !failure.description.contains("\n"))
    }

    @Test("a family that isn't there is refused with the list of those that are")
    func unknown() throws {
        let failure = try #require(throws: Failure.self) {
            try HuggingFaceConfiguration.parse(Data(json("mamba2", #""rms_norm_eps":1e-6"#).utf8), origin: "config.json")
        }
        #expect(failure.exitCode == .configuration && failure.reason.contains("mamba2"))
        #expect(ModelFamily.allCases.allSatisfy { failure.remedy.contains($0.rawValue) })
    }
}
