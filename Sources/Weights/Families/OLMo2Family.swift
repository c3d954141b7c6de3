import Settings

/// OLMo 2 (arXiv:2501.00656): norms behind attention and feed-forward layers, and norms of all heads' queries and keys
/// together.
struct OLMo2Family: CheckpointFamily {
    let architectures = ["Olmo2ForCausalLM"]
    let fields: Set = ["attention_bias"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 2048)
        defaults.norm.epsilon = 1e-5
        return try OLMo2Family.changed(try fields.decoder(.olmo2, defaults), fields)
    }

    /// The model with the parts in which OLMo 2 and 3 differ from Llama.
    static func changed(_ llama: ModelConfiguration, _ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var model = llama
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        model.setQueryKeyNorm(.allHeads)
        model.changeBlocks { $0.residual = .postNorm }
        return model
    }

    var tensorNames: TensorNames { .normsBehind }
}
