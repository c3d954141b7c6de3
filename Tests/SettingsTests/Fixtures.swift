import Settings

/// The smallest preference run, with a reference.
let preferenceYAML = """
    model: {checkpoint: models/policy}
    references:
      sft: {checkpoint: models/sft}
    data: {train: data/train.h5, validation: data/validation.h5}
    objective: {type: preference, reference: sft}
    optimizer: {learning_rate: 5e-7}
    run: {directory: runs/dpo}
    """

/// The smallest language-modelling run, from random weights.
let languageModelingYAML = """
    model: {config: models/tiny.json}
    data: {train: data/text.h5}
    objective: {type: language_modeling}
    optimizer: {learning_rate: 1e-3}
    run: {directory: runs/text}
    """

/// The smallest distillation run, with one teacher.
let distillationYAML = """
    model: {checkpoint: models/student}
    references:
      large: {checkpoint: models/large}
    data: {train: data/text.h5}
    objective: {type: distillation, teacher: large}
    optimizer: {learning_rate: 1e-4}
    run: {directory: runs/distillation}
    """

/// A distillation run with two teachers, as a list of objectives.
let teachersYAML = """
    model: {checkpoint: models/student}
    references:
      large: {checkpoint: models/large}
      small: {checkpoint: models/small}
    data: {train: data/text.h5}
    objective:
      - {type: distillation, teacher: {large: 0.7, small: 0.3}}
      - {type: language_modeling, weight: 0.5}
    optimizer: {learning_rate: 1e-4}
    run: {directory: runs/distillation}
    """

func read(_ yaml: String = preferenceYAML, overrides: String...) throws(Failure) -> RunConfiguration {
    try RunConfiguration(yaml: yaml, file: "run.yaml", overrides: overrides)
}

/// What reading `yaml` is refused with; nil where it is not.
func refusal(_ yaml: String = preferenceYAML, overrides: [String] = []) -> Failure? {
    do {
        _ = try RunConfiguration(yaml: yaml, file: "run.yaml", overrides: overrides)
        return nil
    } catch {
        return error
    }
}
