import JSON
import Settings

/// Phi 3 and 4 (arXiv:2404.14219, 2412.08905): Llama's blocks with fused weights, partial rotary positions and a window.
struct Phi3Family: CheckpointFamily {
    let architectures = ["Phi3ForCausalLM"]
    let fields: Set = ["sliding_window"]
    let fixedFields: [String: [JSONValue]] = ["full_attn_mod": [.integer(1)], "interpolate_factor": [.integer(1)]]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 4096, rotary: .init(unstated: .init(partialFactor: 1, originalPositions: 4096)))
        defaults.norm.epsilon = 1e-5
        var model = try fields.decoder(.phi3, defaults)
        let window = try fields.window(default: nil)
        model.changeBlocks { $0.attention.window = window }
        return model
    }

    var tensorNames: TensorNames {
        TensorNames().fusing(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], into: "self_attn.qkv_proj")
            .fusing(["mlp.gate_proj", "mlp.up_proj"], into: "mlp.gate_up_proj")
    }
}
