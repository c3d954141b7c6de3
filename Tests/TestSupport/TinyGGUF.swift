/// A model of 8 numbers a token: 2 heads of 4 in one group, `feedForward` columns, one layer, 10 tokens, float32.
///
/// Each tensor holds count, count + 1, … where count is 1000 times its place in the file.
public func tinyGGUF(_ family: String, feedForward: Int = 6) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.pairs = [
        ("general.architecture", text(family)),
        ("\(family).block_count", whole(1)), ("\(family).context_length", whole(64)),
        ("\(family).embedding_length", whole(8)), ("\(family).feed_forward_length", whole(feedForward)),
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
    add("blk.0.ffn_gate.weight", [8, feedForward])
    add("blk.0.ffn_up.weight", [8, feedForward])
    add("blk.0.ffn_down.weight", [feedForward, 8])
    add("output_norm.weight", [8])
    if family == "qwen2" {
        add("blk.0.attn_q.bias", [8])
        add("blk.0.attn_k.bias", [4])
        add("blk.0.attn_v.bias", [4])
        add("output.weight", [8, 10])
    }
    return builder
}
