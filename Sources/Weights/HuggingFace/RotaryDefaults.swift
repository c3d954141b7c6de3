/// What a family fixes about its rotary positions where `config.json` says nothing.
struct RotaryDefaults {
    /// How layers of the type "sliding_attention" turn if `config.json` has no object for each type of layer.
    enum SlidingLayers: Equatable {
        case alike
        /// With the same base, but never scaled (OLMo 3).
        case unscaled
        /// With the base `rope_local_base_freq`, which has this default, and never scaled (Gemma 3).
        case ownBase(Double)
    }

    /// The base of the frequencies.
    var theta = 10000.0
    /// The share of a head's columns that turn. Nil: the family always turns whole heads, so any other share is refused.
    var partialFactor: Double?
    /// `original_max_position_embeddings`; nil: `max_position_embeddings`.
    var originalPositions: Int?
    var slidingLayers = SlidingLayers.alike
    /// Whether `alpha` of the type "dynamic" replaces its scaling: the base is theta · alpha^(d/(d−2)) (Hunyuan).
    var hasAlpha = false
}
