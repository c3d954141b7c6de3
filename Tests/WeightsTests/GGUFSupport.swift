import Foundation

@testable import Weights

/// A GGUF file built byte by byte, right or wrong.
struct GGUFBuilder {
    struct Tensor {
        var name: String
        /// The fastest dimension first, as files have it.
        var dimensions: [Int]
        /// ggml's number.
        var type: UInt32 = 0
        var data: [UInt8]
        /// Where the description says that the data begin; nil for where they do.
        var statedOffset: UInt64?
    }

    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    /// What is written in place of the true counts.
    var statedTensorCount: UInt64?
    var statedPairCount: UInt64?
    var pairs: [(key: String, value: [UInt8])] = []
    var tensors: [Tensor] = []
    var alignment = 32
    /// Bytes between the last tensor's description and the padding.
    var tail: [UInt8] = []

    /// The whole file; nothing follows the last tensor's data, so that no shorter file is a good one.
    var file: [UInt8] {
        var result = magic + littleEndian(version)
        result += littleEndian(statedTensorCount ?? UInt64(tensors.count))
        result += littleEndian(statedPairCount ?? UInt64(pairs.count))
        for pair in pairs { result += string(pair.key) + pair.value }
        var data: [UInt8] = []
        for tensor in tensors {
            data += padding(data.count)
            result += string(tensor.name) + littleEndian(UInt32(tensor.dimensions.count))
            result += tensor.dimensions.flatMap { littleEndian(UInt64($0)) }
            result += littleEndian(tensor.type) + littleEndian(tensor.statedOffset ?? UInt64(data.count))
            data += tensor.data
        }
        result += tail
        return result + padding(result.count) + data
    }

    private func padding(_ count: Int) -> [UInt8] {
        Array(repeating: 0, count: (alignment - count % alignment) % alignment)
    }

    mutating func set(_ key: String, _ value: [UInt8]?) {
        let place = pairs.firstIndex { $0.key == key }
        switch (place, value) {
        case (let place?, let value?): pairs[place].value = value
        case (let place?, nil): pairs.remove(at: place)
        case (nil, let value?): pairs.append((key, value))
        case (nil, nil): break
        }
    }

    /// Changes the tensor of that name.
    mutating func change(_ name: String, _ change: (inout Tensor) -> Void) {
        change(&tensors[tensors.firstIndex { $0.name == name }!])
    }
}

func string(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }

/// Metadata values with their types.
func text(_ value: String) -> [UInt8] { littleEndian(UInt32(8)) + string(value) }
func whole(_ value: Int) -> [UInt8] { littleEndian(UInt32(4)) + littleEndian(UInt32(value)) }
func float(_ value: Float) -> [UInt8] { littleEndian(UInt32(6)) + littleEndian(value.bitPattern) }
func flag(_ value: Bool) -> [UInt8] { littleEndian(UInt32(7)) + [value ? 1 : 0] }
func texts(_ values: [String]) -> [UInt8] {
    littleEndian(UInt32(9)) + littleEndian(UInt32(8)) + littleEndian(UInt64(values.count)) + values.flatMap(string)
}
func wholes(_ values: [Int]) -> [UInt8] {
    littleEndian(UInt32(9)) + littleEndian(UInt32(5)) + littleEndian(UInt64(values.count))
        + values.flatMap { littleEndian(Int32($0)) }
}

/// A model of 8 numbers a token: 2 heads of 4 in one group, 6 feed-forward columns, one layer, 10 tokens, float32.
///
/// Each tensor holds count, count + 1, … where count is 1000 times its place in the file.
func tinyGGUF(_ family: String) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.pairs = [
        ("general.architecture", text(family)),
        ("\(family).block_count", whole(1)), ("\(family).context_length", whole(64)),
        ("\(family).embedding_length", whole(8)), ("\(family).feed_forward_length", whole(6)),
        ("\(family).attention.head_count", whole(2)), ("\(family).attention.head_count_kv", whole(1)),
        ("\(family).attention.layer_norm_rms_epsilon", float(1e-5)), ("\(family).rope.freq_base", float(1e6)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text(family == "llama" ? "smollm" : "qwen2")),
        ("tokenizer.ggml.tokens", texts(["<|end|>", "<|start|>", "a", "b", "c", "Ġ", "ab", "Ġab", "<tool>", "[PAD9]"])),
        ("tokenizer.ggml.token_type", wholes([3, 3, 1, 1, 1, 1, 1, 1, 4, 5])),
        ("tokenizer.ggml.merges", texts(["a b", "Ġ ab"])),
        ("tokenizer.ggml.bos_token_id", whole(1)), ("tokenizer.ggml.eos_token_id", whole(0)),
        ("tokenizer.ggml.padding_token_id", whole(0)), ("tokenizer.ggml.unknown_token_id", whole(0)),
        ("tokenizer.chat_template", text("{{ 'ä\"\\n' }}\n{{ messages }}  ")),
    ]
    func add(_ name: String, _ dimensions: [Int]) {
        let count = dimensions.reduce(1, *)
        let first = 1000 * builder.tensors.count
        builder.tensors.append(.init(name: name, dimensions: dimensions, data: bytes((0..<count).map { Float(first + $0) })))
    }
    add("token_embd.weight", [8, 10])
    add("blk.0.attn_norm.weight", [8])
    add("blk.0.attn_q.weight", [8, 8])
    add("blk.0.attn_k.weight", [8, 4])
    add("blk.0.attn_v.weight", [8, 4])
    add("blk.0.attn_output.weight", [8, 8])
    add("blk.0.ffn_norm.weight", [8])
    add("blk.0.ffn_gate.weight", [8, 6])
    add("blk.0.ffn_up.weight", [8, 6])
    add("blk.0.ffn_down.weight", [6, 8])
    add("output_norm.weight", [8])
    if family == "qwen2" {
        add("blk.0.attn_q.bias", [8])
        add("blk.0.attn_k.bias", [4])
        add("blk.0.attn_v.bias", [4])
        add("output.weight", [8, 10])
    }
    return builder
}
