import Settings
import Testing

private let model = "{checkpoint: models/policy}"

/// A slip in the model of the preference run, which takes blocks of a checkpoint.
private func slip(_ keys: String, at place: String, _ reason: String, _ remedy: String) -> Slip {
    Slip(model, "{initialize_from: \(keys)}", at: place, reason, remedy)
}

private let layers: [Slip] = [
    slip("models/a", at: "model.initialize_from", "is \"models/a\", not a mapping", "checkpoint, layers."),
    slip("{}", at: "model.initialize_from.checkpoint", "is missing", "Name the Hugging Face folder"),
    slip("{layers: [0]}", at: "model.initialize_from.checkpoint", "is missing", "Name the Hugging Face folder"),
    slip("{checkpoint: a}", at: "model.initialize_from.layers", "is missing", "such as [0, 3, 6]."),
    slip("{checkpoint: 1, layers: [0]}", at: "model.initialize_from.checkpoint", "is 1, not text", "in quotes"),
    slip("{checkpoint: a, layers: 3}", at: "model.initialize_from.layers", "is 3, not a list", "counted from 0"),
    slip("{checkpoint: a, layers: []}", at: "model.initialize_from.layers", "is an empty list", "List the blocks"),
    slip("{checkpoint: a, layers: [0, 3, 3]}", at: "model.initialize_from.layers.2", "is 3, which does not", "ascending"),
    slip("{checkpoint: a, layers: [2, 0]}", at: "model.initialize_from.layers.1", "from the 2 before it", "ascending"),
    slip("{checkpoint: a, layers: [-1]}", at: "model.initialize_from.layers.0", "is -1, out of range", "from 0 to"),
    slip("{checkpoint: a, layers: [1.0]}", at: "model.initialize_from.layers.0", "is 1.0, not a whole", "from 0 to"),
    slip("{checkpoint: a, layers: [[0]]}", at: "model.initialize_from.layers.0", "is a list, not a whole", "from 0 to"),
    slip("{checkpoint: a, layers: [null]}", at: "model.initialize_from.layers.0", "is missing", "List the blocks"),
    slip("{checkpoint: a, layer: [0]}", at: "model.initialize_from.layer", "not a key", "Did you mean layers?"),
    slip("{checkpoint: a, rate: [0]}", at: "model.initialize_from.rate", "not a key", "Its keys are checkpoint, layers."),
]

private let source: [Slip] = [
    Slip(model, "{}", at: "model.checkpoint", "is missing", "or model.initialize_from to start from some blocks"),
    Slip(
        model, "{initialize_from: }", at: "model.checkpoint", "is missing", "or give model.config"),
    Slip(
        model, "{checkpoint: a, initialize_from: {checkpoint: b, layers: [0]}}", at: "model.initialize_from",
        "is given beside model.checkpoint, and both", "Keep one; `--set model.initialize_from=null`"),
    Slip(
        model, "{config: a.json, initialize_from: {checkpoint: b, layers: [0]}}", at: "model.initialize_from",
        "is given beside model.config, and both", "Keep one; `--set model.initialize_from=null`"),
    Slip(
        model, "{checkpoint: models/policy, tokenizer: models/policy}", at: "model.tokenizer",
        "is given beside model.checkpoint, which brings its own", "Leave it out"),
    Slip(
        model, "{initialize_from: {checkpoint: a, layers: [0]}, tokenizer: a}", at: "model.tokenizer",
        "is given beside model.initialize_from, whose checkpoint brings its own", "Leave it out"),
    Slip(
        model, "{checkpoint: a, layers: [0]}", at: "model.layers", "not a key of model",
        "Did you mean model.initialize_from.layers?"),
]

@Suite("Where the model comes from")
struct ModelSourceTests {
    @Test("some blocks of a checkpoint make a smaller model")
    func someLayers() throws {
        let yaml = preferenceYAML.replacing(
            model, with: "{initialize_from: {checkpoint: models/large, layers: [0, 3, 6]}}")
        #expect(try read(yaml).model == .layers([0, 3, 6], of: "models/large"))
        #expect(
            try read(yaml, overrides: "model.initialize_from.layers=[2]").model == .layers([2], of: "models/large"))
        #expect(
            try read(yaml, overrides: "model.initialize_from=null", "model.checkpoint=models/other").model
                == .checkpoint("models/other"))
    }

    @Test("random weights may name the tokenizer of their exports")
    func tokenizer() throws {
        let yaml = languageModelingYAML.replacing(
            "{config: models/tiny.json}", with: "{config: models/tiny.json, tokenizer: models/policy}")
        #expect(try read(yaml).model == .random(.file("models/tiny.json"), tokenizer: "models/policy"))
    }

    @Test("a slip is refused by key path, with reason and remedy", arguments: layers + source)
    func refused(_ slip: Slip) throws {
        try slip.expectRefusal()
    }
}
