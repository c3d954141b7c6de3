import JSON
import Settings

/// Gemma 2 (arXiv:2408.00118): norms before and behind, soft caps, and a window in every other layer.
struct Gemma2Family: CheckpointFamily {
    let architectures = ["Gemma2ForCausalLM"]
    let fields = Gemma2Family.ownFields
    let fixedFields = Gemma2Family.ownFixedFields

    static let ownFields: Set = [
        "hidden_activation", "attention_bias", "query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping",
        "sliding_window", "layer_types",
    ]
    /// The program reads `hidden_activation` instead.
    static let ownFixedFields: [String: [JSONValue]] = ["hidden_act": [.string("gelu_pytorch_tanh")]]

    func configuration(_ fields: ConfigurationFields) throws(Failure) -> ModelConfiguration {
        let defaults = GemmaFamily.defaults(keyValueHeads: 4, positions: 8192, activation: "hidden_activation")
        var model = try Gemma2Family.changed(try fields.decoder(.gemma2, defaults), fields, scoreCap: 50, logitCap: 30)
        try fields.setAlternatingWindows(try fields.window(default: 4096), period: 2, in: &model)
        return model
    }

    /// The model with the parts in which Gemma 2 and 3 differ from Llama. A cap that is absent is `scoreCap` or `logitCap`; a
    /// null is none.
    static func changed(
        _ llama: ModelConfiguration, _ fields: ConfigurationFields, scoreCap: Double?, logitCap: Double?
    ) throws(Failure) -> ModelConfiguration {
        var model = llama
        func cap(_ name: String, _ usual: Double?) throws(Failure) -> Double? {
            fields.object[name] == nil ? usual : try fields.optionalPositive(name)
        }
        model.setAttentionBias(try fields.flag("attention_bias", default: false))
        let scale = 1 / (try fields.positive("query_pre_attn_scalar", default: 256)).squareRoot()
        let scoreCap = try cap("attn_logit_softcapping", scoreCap)
        model.changeBlocks {
            $0.residual = .sandwich
            $0.attention.scale = scale
            $0.attention.scoreSoftCap = scoreCap
        }
        model.embedding.scale = Double(model.hiddenSize).squareRoot()
        model.head.softCap = try cap("final_logit_softcapping", logitCap)
        return model
    }

    var tensorNames: TensorNames { .sandwich }
}
