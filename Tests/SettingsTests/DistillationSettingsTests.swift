import Settings
import Testing

private let objective = "{type: distillation, teacher: large}"

/// A distillation objective with more keys.
private func with(_ keys: String) -> String { "{type: distillation, teacher: large, \(keys)}" }

/// A distillation objective that matches states.
private func matching(_ keys: String) -> String { with("hidden_states: {\(keys)}") }

/// A slip in the objective of the smallest distillation run.
private func slip(_ written: String, at place: String, _ reason: String, _ remedy: String) -> Slip {
    Slip(objective, written, in: distillationYAML, at: place, reason, remedy)
}

private let teachers: [Slip] = [
    slip("{type: distillation}", at: "objective.teacher", "is missing", "Name a model of references"),
    slip("{type: distillation, teacher: }", at: "objective.teacher", "is missing", "{large: 0.7, small: 0.3}"),
    slip("{type: distillation, teacher: lagre}", at: "objective.teacher", "is \"lagre\", and references", "It has large."),
    slip("{type: distillation, teacher: none}", at: "objective.teacher", "no model of that name", "It has large."),
    slip("{type: distillation, teacher: 7}", at: "objective.teacher", "is 7, not text", "in quotes"),
    slip("{type: distillation, teacher: ''}", at: "objective.teacher", "is empty", "Write a value"),
    slip("{type: distillation, teacher: [large]}", at: "objective.teacher", "is a list", "several with their weights"),
    slip("{type: distillation, teacher: {}}", at: "objective.teacher", "is an empty mapping", "Name a model"),
    slip("{type: distillation, teacher: {huge: 1}}", at: "objective.teacher.huge", "no model", "It has large."),
    slip("{type: distillation, teacher: {l.g: 1}}", at: "objective.teacher.l.g", "not a usable name", "letters"),
    slip("{type: distillation, teacher: {large: }}", at: "objective.teacher.large", "is missing", "weight"),
    slip("{type: distillation, teacher: {large: 0}}", at: "objective.teacher.large", "is 0, out of", "greater than 0"),
    slip("{type: distillation, teacher: {large: -1}}", at: "objective.teacher.large", "is -1, out", "greater than 0"),
    slip("{type: distillation, teacher: {large: .inf}}", at: "objective.teacher.large", "not a finite", "a number"),
    slip("{type: distillation, teacher: {large: one}}", at: "objective.teacher.large", "not a number", "a number"),
    Slip(
        "large: 0.7, small: 0.3", "large: 0.7", in: teachersYAML, at: "references.small", "is used by no objective",
        "as the reference or a teacher of an objective, or remove it"),
    Slip(
        "small: 0.3", "smal: 0.3", in: teachersYAML, at: "objective.0.teacher.smal", "no model of that name",
        "It has large, small."),
    Slip(
        "references:\n  large: {checkpoint: models/large}\n", "", in: distillationYAML, at: "objective.teacher",
        "no model of that name", "Add references: {large: {checkpoint: FOLDER}}."),
]

private let constants: [Slip] = [
    slip(with("divergence: kl"), at: "objective.divergence", "is \"kl\"", "forward_kl or reverse_kl or jensen_shannon"),
    slip(with("divergence: "), at: "objective.divergence", "has no value", "remove the key"),
    slip(with("beta: 0.5"), at: "objective.beta", "does not fit divergence forward_kl", "divergence: jensen_shannon"),
    slip(
        with("divergence: reverse_kl, beta: 0.5"), at: "objective.beta", "does not fit divergence reverse_kl",
        "Leave it out"),
    slip(with("divergence: jensen_shannon, beta: 0"), at: "objective.beta", "is 0, where", "divergence: forward_kl,"),
    slip(with("divergence: jensen_shannon, beta: 1.0"), at: "objective.beta", "is 1, where", "divergence: reverse_kl,"),
    slip(with("divergence: jensen_shannon, beta: -0.1"), at: "objective.beta", "is -0.1, out", "than 0 and below 1"),
    slip(with("divergence: jensen_shannon, beta: 1.5"), at: "objective.beta", "is 1.5, out", "than 0 and below 1"),
    slip(with("divergence: jensen_shannon, beta: half"), at: "objective.beta", "is \"half\", not a number", "below 1"),
    slip(with("divergence: jensen_shannon, beta: "), at: "objective.beta", "has no value", "remove the key"),
    slip(with("temperature: 0"), at: "objective.temperature", "is 0, out of range", "greater than 0"),
    slip(with("temperature: -2"), at: "objective.temperature", "is -2, out of range", "greater than 0"),
    slip(with("temperature: .inf"), at: "objective.temperature", "is .inf, not a finite number", "greater than 0"),
    slip(with("temperature: hot"), at: "objective.temperature", "is \"hot\", not a number", "greater than 0"),
    slip(with("temperature: "), at: "objective.temperature", "has no value", "remove the key"),
    slip(with("temperature_squared: 1"), at: "objective.temperature_squared", "is 1, not true", "Write true or false."),
    slip(with("tokens: prompt"), at: "objective.tokens", "is \"prompt\"", "Use all or completion."),
    slip(with("weight: 0"), at: "objective.weight", "is 0, out of range", "greater than 0"),
    slip(with("temperatur: 2"), at: "objective.temperatur", "not a key of a distillation", "Did you mean temperature?"),
    slip(with("label_smoothing: 0.1"), at: "objective.label_smoothing", "not a key", "Its keys are type, weight, teac"),
    slip(with("layers: [[0, 0]]"), at: "objective.layers", "not a key", "Did you mean objective.hidden_states.layers?"),
    Slip(
        "{type: language_modeling, weight: 0.5}", "{type: language_modeling, temperature: 2}", in: teachersYAML,
        at: "objective.1.temperature", "not a key of a language_modeling objective", "Its keys are type, weight."),
]

private let states: [Slip] = [
    slip(with("hidden_states: [[0, 1]]"), at: "objective.hidden_states", "is a list, not a mapping", "layers, loss"),
    slip(with("hidden_states: {}"), at: "objective.hidden_states.layers", "is missing", "such as [[0, 1], [5, 11]]."),
    slip(matching("layer: [[0, 1]]"), at: "objective.hidden_states.layer", "not a key", "Did you mean layers?"),
    slip(matching("layers: 3"), at: "objective.hidden_states.layers", "is 3, not a list", "counted from 0"),
    slip(matching("layers: []"), at: "objective.hidden_states.layers", "is an empty list", "counted from 0"),
    slip(matching("layers: [0, 1]"), at: "objective.hidden_states.layers.0", "is 0, not a list", "[[0, 1], [5, 11]]"),
    slip(matching("layers: [[0, 1], []]"), at: "objective.hidden_states.layers.1", "empty list", "[[0, 1], [5, 11]]"),
    slip(matching("layers: [[0]]"), at: "objective.hidden_states.layers.0", "is a list of 1, not", "of student and"),
    slip(matching("layers: [[0, 1, 2]]"), at: "objective.hidden_states.layers.0", "is a list of 3", "[[0, 1], [5, 11]]"),
    slip(matching("layers: [[0, -1]]"), at: "objective.hidden_states.layers.0.1", "is -1, out of range", "from 0 to"),
    slip(matching("layers: [[0.5, 1]]"), at: "objective.hidden_states.layers.0.0", "is 0.5, not a whole", "from 0 to"),
    slip(matching("layers: [[null, 1]]"), at: "objective.hidden_states.layers.0.0", "is missing", "counted from 0"),
    slip(
        matching("layers: [[0, 1], [2, 3], [0, 1]]"), at: "objective.hidden_states.layers.2",
        "is [0, 1] again, after objective.hidden_states.layers.0", "Remove one of them."),
    slip(matching("layers: [[0, 1]], loss: mse"), at: "objective.hidden_states.loss", "\"mse\"", "mean_squared_error or"),
    slip(matching("layers: [[0, 1]], weight: 0"), at: "objective.hidden_states.weight", "is 0, out", "greater than 0"),
    slip(matching("layers: [[0, 1]], weight: 1e999"), at: "objective.hidden_states.weight", "not a finite", "greater"),
    slip(
        matching("layers: [[0, 1]], teacher: small"), at: "objective.hidden_states.teacher",
        "is \"small\", which is no teacher of the objective", "It has large."),
    Slip(
        "small: 0.3}}", "small: 0.3}, hidden_states: {layers: [[0, 1]]}}", in: teachersYAML,
        at: "objective.0.hidden_states.teacher", "is missing, and the objective has several teachers",
        "Name one of large, small."),
]

@Suite("Distillation's settings")
struct DistillationSettingsTests {
    /// The settings of the first objective.
    private func distillation(_ yaml: String, overrides: String...) throws -> DistillationSettings {
        let configuration = try RunConfiguration(yaml: yaml, file: "run.yaml", overrides: overrides)
        guard case .distillation(let settings) = configuration.objectives[0].kind else {
            throw NotDistillation()
        }
        return settings
    }

    private struct NotDistillation: Error {}

    @Test("the smallest distillation run gets every default")
    func defaults() throws {
        let settings = try distillation(distillationYAML)
        #expect(settings.teachers == [.init(name: "large", weight: 1)])
        #expect(settings.divergence == .forwardKL)
        #expect(settings.temperature == 1)
        #expect(settings.temperatureSquared)
        #expect(settings.tokens == .completion)
        #expect(settings.hiddenStates == nil)
        #expect(settings == DistillationSettings(teachers: [.init(name: "large")]))
    }

    @Test("nothing is a default")
    func everything() throws {
        let keys = """
            objective.temperature=2.5
            objective.temperature_squared=false
            objective.tokens=all
            objective.divergence=jensen_shannon
            objective.beta=0.25
            objective.hidden_states={layers: [[0, 1], [5, 11], [5, 1]], loss: cosine, weight: 0.1, teacher: large}
            """
        let configuration = try RunConfiguration(
            yaml: distillationYAML, file: "run.yaml", overrides: keys.split(separator: "\n").map(String.init))
        #expect(
            configuration.objectives == [
                ObjectiveSettings(
                    kind: .distillation(
                        DistillationSettings(
                            teachers: [.init(name: "large")], divergence: .jensenShannon(beta: 0.25), temperature: 2.5,
                            temperatureSquared: false, tokens: .all,
                            hiddenStates: HiddenStateSettings(
                                layers: [
                                    .init(student: 0, teacher: 1), .init(student: 5, teacher: 11),
                                    .init(student: 5, teacher: 1),
                                ], loss: .cosine, weight: 0.1, teacher: "large"))))
            ])
    }

    @Test(
        "every divergence has its name, and Jensen-Shannon's beta is a half",
        arguments: [
            ("forward_kl", DistillationDivergence.forwardKL), ("reverse_kl", .reverseKL),
            ("jensen_shannon", .jensenShannon(beta: 0.5)),
        ])
    func divergences(name: String, divergence: DistillationDivergence) throws {
        #expect(try distillation(distillationYAML, overrides: "objective.divergence=\(name)").divergence == divergence)
    }

    @Test("a null beta takes one back that another divergence has no use for")
    func takesBetaBack() throws {
        let yaml = distillationYAML.replacing(objective, with: with("divergence: jensen_shannon, beta: 0.3"))
        #expect(try distillation(yaml).divergence == .jensenShannon(beta: 0.3))
        let overridden = try distillation(
            yaml, overrides: "objective.divergence=reverse_kl", "objective.beta=null")
        #expect(overridden.divergence == .reverseKL)
    }

    @Test("several teachers keep their order and weights")
    func severalTeachers() throws {
        #expect(
            try distillation(teachersYAML).teachers
                == [.init(name: "large", weight: 0.7), .init(name: "small", weight: 0.3)])
        let swapped = teachersYAML.replacing("large: 0.7, small: 0.3", with: "small: 3, large: 7")
        #expect(
            try distillation(swapped).teachers == [.init(name: "small", weight: 3), .init(name: "large", weight: 7)])
    }

    @Test("one of several teachers gives the states")
    func teacherOfStates() throws {
        let yaml = teachersYAML.replacing(
            "small: 0.3}}", with: "small: 0.3}, hidden_states: {layers: [[3, 7]], teacher: small}}")
        #expect(
            try distillation(yaml).hiddenStates
                == HiddenStateSettings(layers: [.init(student: 3, teacher: 7)], teacher: "small"))
    }

    @Test("the only teacher gives the states unless another is named")
    func onlyTeacherOfStates() throws {
        let yaml = distillationYAML.replacing(objective, with: matching("layers: [[0, 1]]"))
        #expect(
            try distillation(yaml).hiddenStates
                == HiddenStateSettings(
                    layers: [.init(student: 0, teacher: 1)], loss: .meanSquaredError, weight: 1, teacher: "large"))
    }

    @Test("objectives may be several, of the same type too, and keep their order")
    func severalObjectives() throws {
        #expect(
            try read(teachersYAML).objectives.map(\.weight) == [1, 0.5])
        #expect(try read(teachersYAML).objectives[1] == ObjectiveSettings(weight: 0.5, kind: .languageModeling))
        let yaml = distillationYAML.replacing(
            objective,
            with: """

                  - {type: preference, reference: large, weight: 0.2}
                  - {type: language_modeling}
                  - {type: distillation, teacher: large}
                  - {type: language_modeling, weight: 3}
                  - {type: distillation, teacher: large, temperature: 4}
                """)
        #expect(
            try read(yaml).objectives == [
                ObjectiveSettings(weight: 0.2, kind: .preference(PreferenceSettings(reference: .named("large")))),
                ObjectiveSettings(kind: .languageModeling),
                ObjectiveSettings(kind: .distillation(DistillationSettings(teachers: [.init(name: "large")]))),
                ObjectiveSettings(weight: 3, kind: .languageModeling),
                ObjectiveSettings(
                    kind: .distillation(DistillationSettings(teachers: [.init(name: "large")], temperature: 4))),
            ])
        #expect(try read(yaml).schedule.batch == .pairs(32))
    }

    @Test("each reference needs one objective that uses it, as a reference or as a teacher")
    func usedReferences() throws {
        let yaml = teachersYAML.replacing("teacher: {large: 0.7, small: 0.3}", with: "teacher: large")
            .replacing("{type: language_modeling, weight: 0.5}", with: "{type: preference, reference: small}")
        #expect(try read(yaml).references.map(\.name) == ["large", "small"])
    }

    @Test("an override reaches into a list of pairs, and an error there names it")
    func overrides() throws {
        let yaml = distillationYAML.replacing(objective, with: matching("layers: [[0, 1], [2, 3]]"))
        let path = "objective.hidden_states.layers.1.1"
        #expect(
            try distillation(yaml, overrides: "\(path)=9").hiddenStates?.layers[1] == .init(student: 2, teacher: 9))
        #expect(refusal(yaml, overrides: ["\(path)=x"])?.place == "--set \(path)")
        #expect(
            refusal(yaml, overrides: ["objective.hidden_states.layers=[[0]]"])?.place
                == "--set objective.hidden_states.layers: objective.hidden_states.layers.0")
        #expect(try distillation(yaml, overrides: "objective.hidden_states=null").hiddenStates == nil)
    }

    @Test("a slip is refused by key path, with reason and remedy", arguments: teachers + constants + states)
    func refused(_ slip: Slip) throws {
        try slip.expectRefusal()
    }
}
