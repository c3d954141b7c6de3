/// A small GGUF file that is good: one layer of 8 numbers a token, with a tokenizer of 8 tokens.
enum GGUFSeed {
    static func file(family: String) -> [UInt8] {
        var pairs: [(String, [UInt8])] = [
            ("general.architecture", text(family)), ("general.name", text("seed")),
            ("\(family).block_count", whole(1)), ("\(family).context_length", whole(64)),
            ("\(family).embedding_length", whole(8)), ("\(family).feed_forward_length", whole(32)),
            ("\(family).attention.head_count", whole(2)), ("\(family).attention.head_count_kv", whole(1)),
            ("\(family).attention.layer_norm_rms_epsilon", float(1e-5)), ("\(family).rope.freq_base", float(1e6)),
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.pre", text(family == "llama" ? "smollm" : "qwen2")),
            ("tokenizer.ggml.tokens", list(of: 8, ["<|end|>", "a", "b", "Ġ", "ab", "Ġab", "<tool>", "[PAD7]"].map(string))),
            ("tokenizer.ggml.token_type", list(of: 5, [3, 1, 1, 1, 1, 1, 4, 5].map { bytes(Int32($0)) })),
            ("tokenizer.ggml.merges", list(of: 8, ["a b", "Ġ ab"].map(string))),
            ("tokenizer.ggml.bos_token_id", whole(0)), ("tokenizer.ggml.eos_token_id", whole(0)),
        ]
        if family == "llama" { pairs.append(("tokenizer.chat_template", text("{{ messages }}"))) }
        var tensors: [(name: String, dimensions: [Int], type: UInt32, byteCount: Int)] = []
        func add(_ name: String, _ dimensions: [Int], type: UInt32 = 0, blockByteCount: Int = 128) {
            let count = dimensions.reduce(1, *)
            tensors.append((name, dimensions, type, type == 0 ? count * 4 : count / 32 * blockByteCount))
        }
        add("token_embd.weight", [8, 8])
        add("blk.0.attn_norm.weight", [8])
        add("blk.0.attn_q.weight", [8, 8])
        add("blk.0.attn_k.weight", [8, 4])
        add("blk.0.attn_v.weight", [8, 4])
        add("blk.0.attn_output.weight", [8, 8])
        add("blk.0.ffn_norm.weight", [8])
        add("blk.0.ffn_gate.weight", [8, 32])
        add("blk.0.ffn_up.weight", [8, 32])
        // Blocks of 32: Q8_0 and Q4_1.
        add("blk.0.ffn_down.weight", [32, 8], type: family == "llama" ? 8 : 3, blockByteCount: family == "llama" ? 34 : 20)
        add("output_norm.weight", [8])
        if family == "qwen2" {
            add("blk.0.attn_q.bias", [8])
            add("blk.0.attn_k.bias", [4])
            add("blk.0.attn_v.bias", [4])
            add("output.weight", [8, 8])
        }
        return assembled(pairs, tensors)
    }

    private static func assembled(
        _ pairs: [(String, [UInt8])], _ tensors: [(name: String, dimensions: [Int], type: UInt32, byteCount: Int)]
    ) -> [UInt8] {
        var file = Array("GGUF".utf8) + bytes(UInt32(3)) + bytes(UInt64(tensors.count)) + bytes(UInt64(pairs.count))
        for (key, value) in pairs { file += string(key) + value }
        var data: [UInt8] = []
        for tensor in tensors {
            file += string(tensor.name) + bytes(UInt32(tensor.dimensions.count))
            for size in tensor.dimensions { file += bytes(UInt64(size)) }
            file += bytes(tensor.type) + bytes(UInt64(data.count))
            data += (0..<tensor.byteCount).map { UInt8(truncatingIfNeeded: $0) }
            while data.count % 32 != 0 { data.append(0) }
        }
        while file.count % 32 != 0 { file.append(0) }
        return file + data
    }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    private static func string(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }
    private static func text(_ value: String) -> [UInt8] { bytes(UInt32(8)) + string(value) }
    private static func whole(_ value: UInt32) -> [UInt8] { bytes(UInt32(4)) + bytes(value) }
    private static func float(_ value: Float) -> [UInt8] { bytes(UInt32(6)) + bytes(value.bitPattern) }
    private static func list(of type: UInt32, _ elements: [[UInt8]]) -> [UInt8] {
        bytes(UInt32(9)) + bytes(type) + bytes(UInt64(elements.count)) + elements.flatMap { $0 }
    }
}
