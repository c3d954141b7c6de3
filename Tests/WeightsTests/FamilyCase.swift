import Settings
import Testing

/// One `config.json` and the model that it describes, written down by hand.
struct FamilyCase: CustomTestStringConvertible, Sendable {
    let name: String
    let json: String
    let model: ModelConfiguration

    var testDescription: String { name }
}

/// Numbers of a model of equal blocks.
struct FamilyNumbers {
    var epsilon = 1e-6
    var isTied = false
    var theta: Double? = 10000
    var headDimension = 4
    /// LayerNorm instead of the root mean square.
    var hasLayerNorm = false
    var hasNormBias = false
}
