import Foundation
import Settings
import TestSupport
import Weights

/// A Hugging Face folder's model as llama.cpp's converter writes it: float32, with a byte-level BPE tokenizer.
struct GGUFModel {
    /// Free to be spoilt.
    var builder = GGUFBuilder()

    /// llama.cpp's names of what stands outside of the layers, and of the parts of a layer.
    private static let names = [
        "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    ]
    private static let parts = [
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    ]

    /// - Parameter folder: holds a checkpoint of `configuration`.
    init(of folder: String, _ configuration: ModelConfiguration) throws {
        builder.pairs = GGUFModel.architecture(configuration) + GGUFModel.tokenizer(tokenCount: configuration.vocabularySize)
        let values = try readTensors(folder + "/model.safetensors")
        for tensor in try SafetensorsFile(path: folder + "/model.safetensors").tensors {
            let floats = values[tensor.name]!.map { Float($0) }
            let heads = ["q_proj": configuration.headCount, "k_proj": configuration.keyValueHeadCount]
                .first { tensor.name.hasSuffix($0.key + ".weight") && configuration.family == .llama }?.value
            builder.tensors.append(
                .init(
                    name: GGUFModel.name(tensor.name), dimensions: tensor.shape.reversed(),
                    data: bytes(heads.map { GGUFModel.reordered(floats, tensor.shape, heads: $0) } ?? floats)))
        }
    }

    /// `model.layers.0.mlp.up_proj.weight` → `blk.0.ffn_up.weight`
    private static func name(_ name: String) -> String {
        if let layer = name.wholeMatch(of: /model\.layers\.([0-9]+)\.(.+)\.(weight|bias)/) {
            return "blk.\(layer.1).\(parts[String(layer.2)]!).\(layer.3)"
        }
        return names[name]!
    }

    /// `LlamaModel.permute` of llama.cpp: a head's rows 0, D/2, 1, D/2 + 1, … in place of 0, 1, 2, …
    private static func reordered(_ values: [Float], _ shape: [Int], heads: Int) -> [Float] {
        let (dimension, width) = (shape[0] / heads, shape[1])
        return (0..<heads).flatMap { head in
            (0..<dimension).flatMap { place in
                let row = head * dimension + place % 2 * dimension / 2 + place / 2
                return values[row * width..<(row + 1) * width]
            }
        }
    }

    private static func architecture(_ configuration: ModelConfiguration) -> [(key: String, value: [UInt8])] {
        let family = configuration.family.rawValue
        return [
            ("general.architecture", text(family)), ("general.name", text("Tiny \(family)")),
            ("\(family).block_count", whole(configuration.layerCount)),
            ("\(family).context_length", whole(configuration.maximumPositions)),
            ("\(family).embedding_length", whole(configuration.hiddenSize)),
            ("\(family).feed_forward_length", whole(configuration.feedForwardSize)),
            ("\(family).attention.head_count", whole(configuration.headCount)),
            ("\(family).attention.head_count_kv", whole(configuration.keyValueHeadCount)),
            ("\(family).attention.key_length", whole(configuration.headDimension)),
            ("\(family).attention.value_length", whole(configuration.headDimension)),
            ("\(family).attention.layer_norm_rms_epsilon", float(Float(configuration.normEpsilon))),
            ("\(family).rope.freq_base", float(Float(configuration.ropeTheta!))),
        ]
    }

    /// Printable ASCII, space, line end, "th" and "the", the marks of ChatML; the rest of the vocabulary is padding.
    private static func tokenizer(tokenCount: Int) -> [(key: String, value: [UInt8])] {
        let marks = ["<|end|>", "<|im_start|>", "<|im_end|>"]
        let ordinary = (33...126).map { String(UnicodeScalar($0)) } + ["Ġ", "Ċ", "th", "the"]
        let used = marks.count + ordinary.count
        let template = """
            {% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + \
            '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
            """
        return [
            ("tokenizer.ggml.model", text("gpt2")), ("tokenizer.ggml.pre", text("qwen2")),
            ("tokenizer.ggml.tokens", texts(marks + ordinary + (used..<tokenCount).map { "[PAD\($0)]" })),
            (
                "tokenizer.ggml.token_type",
                wholes(marks.map { _ in 3 } + ordinary.map { _ in 1 } + (used..<tokenCount).map { _ in 5 })
            ),
            ("tokenizer.ggml.merges", texts(["t h", "th e"])), ("tokenizer.ggml.eos_token_id", whole(0)),
            ("tokenizer.ggml.padding_token_id", whole(0)), ("tokenizer.ggml.eot_token_id", whole(2)),
            ("tokenizer.chat_template", text(template)),
        ]
    }
}

extension Workspace {
    /// The policy's model as `NAME`.
    func makeGGUF(
        _ name: String = "model.gguf", family: ModelFamily = .llama, _ spoil: (inout GGUFBuilder) -> Void = { _ in }
    ) throws {
        var model = try GGUFModel(of: file("policy"), unevenConfiguration(family))
        spoil(&model.builder)
        try write(Data(model.builder.file), to: name)
    }
}
