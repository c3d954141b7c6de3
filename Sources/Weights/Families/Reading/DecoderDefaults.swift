import Settings

/// The values that Transformers has for fields that a `config.json` leaves out, and the names of fields that differ between
/// families.
struct DecoderDefaults {
    var maximumPositions: Int
    /// Nil: the number of query heads.
    var keyValueHeads: Int?
    /// Nil: `hidden_size` / `num_attention_heads`.
    var headDimension: Int?
    var isTied = false
    var initializerRange = 0.02

    var norm = Norm()
    var rotary: Rotary? = Rotary()
    var activation = "silu"
    var names = Names()

    /// The norms on the residual stream.
    struct Norm {
        var kind: NormConfiguration.Kind = .rootMeanSquare
        var weight: NormConfiguration.Weight = .plain
        var hasBias = false
        var field = "rms_norm_eps"
        /// Nil: the field is required.
        var epsilon: Double?

        /// LayerNorm with weight and bias.
        static func layer(_ field: String, hasBias: Bool = true) -> Norm {
            Norm(kind: .layer, hasBias: hasBias, field: field, epsilon: 1e-5)
        }
    }

    struct Rotary {
        /// For fields that `config.json` leaves out.
        var unstated = RotaryDefaults()
        var pairing: RotaryConfiguration.Pairing = .halves
    }

    /// Names of fields.
    struct Names {
        var hiddenSize = "hidden_size"
        var layers = "num_hidden_layers"
        var heads = "num_attention_heads"
        /// Nil: each query head has a key/value head of its own.
        var keyValueHeads: String? = "num_key_value_heads"
        var positions = "max_position_embeddings"
        var activation = "hidden_act"
        var feedForward = "intermediate_size"
    }
}
