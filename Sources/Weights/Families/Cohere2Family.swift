import JSON
import Settings

/// Command R7B and A (Cohere): Command R with a window in three of four layers. Only these layers have rotary positions.
struct Cohere2Family: CheckpointFamily {
    let architectures = ["Cohere2ForCausalLM"]
    let fields: Set = [
        "layer_norm_eps", "logit_scale", "attention_bias", "sliding_window", "layer_types", "sliding_window_pattern",
        "_sliding_window_pattern",
    ]
    /// Fields of its first checkpoints.
    let fixedFields: [String: [JSONValue]] = [
        "rotary_pct": [.integer(1)], "position_embedding_type": [.string("rope_gptj")], "use_gated_activation": [.bool(true)],
        "use_parallel_block": [.bool(true)], "order_of_interleaved_layers": [.string("local_attn_first")], "layer_switch": [.integer(4)],
    ]
    let harmlessFields: Set = ["use_parallel_embedding", "use_embedding_sharing"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var model = try CohereFamily.decoder(.cohere2, fields, theta: 10000)
        let period = try fields.size("sliding_window_pattern", default: try fields.size("_sliding_window_pattern", default: 4))
        try fields.setAlternatingWindows(try fields.window(default: 4096), period: period, in: &model)
        model.changeBlocks { if $0.attention.window == nil { $0.attention.rotary = nil } }
        return model
    }
}
