import Settings

/// The text model of Gemma 3 (arXiv:2503.19786): Gemma 2 with norms of queries and keys in place of soft caps. Five of six
/// layers have a window and rotary positions with a base of their own.
struct Gemma3Family: CheckpointFamily {
    let architectures = ["Gemma3ForCausalLM"]
    /// Transformers stores `attn_logit_softcapping` of Gemma 3 and does not use it, so only null is accepted.
    let fields = Gemma2Family.ownFields.subtracting(["attn_logit_softcapping"])
        .union(["sliding_window_pattern", "_sliding_window_pattern", "rope_local_base_freq"])
    let fixedFields = Gemma2Family.ownFixedFields

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = GemmaFamily.defaults(keyValueHeads: 4, positions: 131_072, activation: "hidden_activation")
        defaults.rotary = nil
        var model = try Gemma2Family.changed(try fields.decoder(.gemma3, defaults), fields, scoreCap: nil, logitCap: nil)
        model.setQueryKeyNorm(.head)
        let period = try fields.size("sliding_window_pattern", default: try fields.size("_sliding_window_pattern", default: 6))
        try fields.setAlternatingWindows(try fields.window(default: 4096), period: period, in: &model)
        try fields.setLayeredRotary(in: &model, .init(unstated: .init(theta: 1_000_000, slidingLayers: .ownBase(10000))))
        return model
    }

    var tensorNames: TensorNames { .sandwich }
}
