import Settings

/// Seed-OSS: biases of queries, keys and values; output and feed-forward biases are fields of their own.
struct SeedOSSFamily: CheckpointFamily {
    let architectures = ["SeedOssForCausalLM"]
    let fields: Set = ["attention_bias", "attention_out_bias", "mlp_bias"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 524_288, keyValueHeads: 8, headDimension: 128)
        defaults.norm.epsilon = 1e-6
        try fields.requireNoDropout(["attention_dropout", "residual_dropout"], default: 0.1)
        var model = try fields.decoder(.seedOSS, defaults)
        model.setAttentionBias(
            try fields.flag("attention_bias", default: true), output: try fields.flag("attention_out_bias", default: false))
        let hasBias = try fields.flag("mlp_bias", default: false)
        model.changeBlocks { $0.feedForward.hasBias = hasBias }
        return model
    }
}
