import Foundation
import JSON
import Settings

/// Hunyuan dense (Tencent): norms of queries and keys behind the rotation.
struct HunyuanFamily: CheckpointFamily {
    let architectures = ["HunYuanDenseV1ForCausalLM"]
    let fields: Set = ["attention_bias"]
    /// Fields of its own program, with the values that the program in Transformers has.
    let fixedFields: [String: [JSONValue]] = [
        "use_qk_norm": [.bool(true)], "use_cla": [.bool(false)], "norm_type": [.string("hf_rms"), .string("rms")],
    ]
    let harmlessFields: Set = ["eod_token_id", "im_start_id", "im_end_id", "im_newline_id", "text_start_id", "text_end_id"]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        var defaults = DecoderDefaults(maximumPositions: 2048)
        defaults.norm.epsilon = 1e-5
        var model = try withoutAlpha(fields).decoder(.hunyuan, defaults)
        if let base = try baseByAlpha(fields, headDimension: model.headDimension) {
            model.changeBlocks { $0.attention.rotary?.theta = base }
        }
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        model.setQueryKeyNorm(.head, followsRotary: true)
        return model
    }

    /// Rotary parameters of type `dynamic` with an `alpha`: the base is theta · alpha^(d/(d−2)) for every length, where d is the
    /// head's dimension. The other numbers beside it have no effect.
    private func baseByAlpha(_ fields: ConfigurationFields, headDimension: Int) throws(Failure) -> Double? {
        guard let (_, parameters) = alphaParameters(fields) else { return nil }
        let alpha = try parameters.positive("alpha")
        let theta = try parameters.positive("rope_theta", default: try fields.positive("rope_theta", default: 10000))
        return theta * pow(alpha, Double(headDimension) / Double(headDimension - 2))
    }

    private func withoutAlpha(_ fields: ConfigurationFields) -> ConfigurationFields {
        alphaParameters(fields).map { fields.replacing($0.name, with: nil) } ?? fields
    }

    private func alphaParameters(_ fields: ConfigurationFields) -> (name: String, ConfigurationFields)? {
        for name in ["rope_parameters", "rope_scaling"] {
            guard let value = fields.value(name), (value["rope_type"] ?? value["type"])?.text == "dynamic" else { continue }
            let parameters = ConfigurationFields(origin: fields.origin, object: value, prefix: name + ".")
            if parameters.value("alpha") != nil { return (name, parameters) }
        }
        return nil
    }

    var tensorNames: TensorNames {
        TensorNames().renaming("self_attn.q_norm", to: "self_attn.query_layernorm")
            .renaming("self_attn.k_norm", to: "self_attn.key_layernorm")
    }
}
