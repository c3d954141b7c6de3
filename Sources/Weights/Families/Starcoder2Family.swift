import JSON
import Settings

/// StarCoder 2 (arXiv:2402.19173): LayerNorm, a feed-forward layer without gate, biases and a window.
struct Starcoder2Family: CheckpointFamily {
    let architectures = ["Starcoder2ForCausalLM"]
    let fields: Set = ["norm_epsilon", "use_bias", "sliding_window"]
    /// Fields of its first checkpoints.
    let fixedFields: [String: [JSONValue]] = ["mlp_type": [.string("default")], "norm_type": [.string("layer_norm")]]
    let harmlessFields: Set = ["attention_softmax_in_fp32", "scale_attention_softmax_in_fp32"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var model = try fields.decoder(
            .starcoder2,
            DecoderDefaults(
                maximumPositions: 4096, keyValueHeads: 2, isTied: true, initializerRange: 0.018042, norm: .layer("norm_epsilon"),
                activation: "gelu_pytorch_tanh"))
        let hasBias = try fields.flag("use_bias", default: true)
        let window = try fields.window(default: nil)
        model.setAttentionBias(hasBias)
        model.changeBlocks {
            $0.feedForward.isGated = false
            $0.feedForward.hasBias = hasBias
            $0.attention.window = window
        }
        return model
    }

    var tensorNames: TensorNames {
        TensorNames().renaming("mlp.up_proj", to: "mlp.c_fc").renaming("mlp.down_proj", to: "mlp.c_proj")
    }
}
