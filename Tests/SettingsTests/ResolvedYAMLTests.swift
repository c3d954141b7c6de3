import Settings
import Testing

@Suite("The resolved configuration")
struct ResolvedYAMLTests {
    @Test(
        "it loads back to an equal value",
        arguments: [preferenceYAML, languageModelingYAML, distillationYAML, teachersYAML])
    func roundTrip(yaml: String) throws {
        let configuration = try read(yaml)
        #expect(try read(configuration.resolvedYAML()) == configuration)
    }

    @Test("it loads back to an equal value where nothing is a default")
    func roundTripWithoutDefaults() throws {
        let configuration = try read(
            """
            model:
              config: {model_type: llama, hidden_size: 64, rms_norm_eps: 1e-5, text: "a\\n\\"b\\" é \\u0001", none: null}
            references:
              a-1: {checkpoint: "null", storage: bfloat16}
            data: {train: "data/é: #1.h5", validation: {x: "5e-7", "yes": "two\\nlines"}, shuffle: false}
            objective: {type: preference, weight: 0.3, beta: 0.25, label_smoothing: 0.1, reference: a-1}
            parallel: {data: 3, tensor: 2}
            schedule: {steps: 9, pairs_per_step: 8, tokens_per_micro_batch: 100, prefix_sharing: false, recompute: block}
            optimizer:
              learning_rate: 1.2345678901234567e-7
              betas: [0.8, 0.95]
              epsilon: 1e-6
              weight_decay: 0.1
              warmup_fraction: 0.1
              decay: cosine
              clip_norm: null
            evaluation: {every: 4, at_start: false}
            export: {every: 5, dtype: bfloat16}
            run: {directory: " ", seed: 18446744073709551615, threads: 3, checkpoint_every: 7, checkpoint_minutes: 12.5, keep_last: 4, keep_every: 20, allow_changes: [data.train, references.a-1, "objective.0"], collective_timeout: 60.5, step_timeout: 900, check_collectives: true}
            """)
        #expect(configuration.optimizer.learningRate == 1.2345678901234567e-7)
        #expect(try read(configuration.resolvedYAML()) == configuration)
    }

    @Test("a distillation loads back to an equal value where nothing is a default")
    func distillationRoundTrip() throws {
        let configuration = try read(
            """
            model: {initialize_from: {checkpoint: models/large, layers: [0, 3, 6]}}
            references:
              large: {checkpoint: models/large}
              "no": {checkpoint: models/small}
              other: {checkpoint: models/other}
            data: {train: data/text.h5}
            objective:
              - {type: language_modeling, weight: 0.5}
              - type: distillation
                weight: 2
                teacher: {large: 0.7, "no": 0.3}
                divergence: jensen_shannon
                beta: 0.1
                temperature: 2.5
                temperature_squared: false
                tokens: all
                hidden_states: {layers: [[0, 1], [5, 11]], loss: cosine, weight: 0.25, teacher: "no"}
              - {type: preference, reference: other}
              - {type: distillation, teacher: {other: 2}, divergence: reverse_kl}
            schedule: {pairs_per_step: 5}
            optimizer: {learning_rate: 1e-4}
            run: {directory: runs/distillation}
            """)
        #expect(configuration.model == .layers([0, 3, 6], of: "models/large"))
        #expect(configuration.objectives.count == 4)
        #expect(try read(configuration.resolvedYAML()) == configuration)
    }

    @Test("several objectives are written as a list, with every default")
    func listOfObjectives() throws {
        let states = "hidden_states: {layers: [[0, 1], [2, 3]], teacher: large}"
        let yaml =
            teachersYAML.replacing("small: 0.3}}", with: "small: 0.3}, \(states)}")
            .replacing("checkpoint: models/student", with: "initialize_from: {checkpoint: models/large, layers: [0, 3]}")
        let written = try read(yaml).resolvedYAML()
        #expect(
            written.hasPrefix(
                """
                model:
                  initialize_from:
                    checkpoint: models/large
                    layers: [0, 3]
                references:

                """))
        #expect(
            written.contains(
                """

                objective:
                  - type: distillation
                    weight: 1.0
                    teacher:
                      large: 0.7
                      small: 0.3
                    divergence: forward_kl
                    temperature: 1.0
                    temperature_squared: true
                    tokens: completion
                    hidden_states:
                      layers: [[0, 1], [2, 3]]
                      loss: mean_squared_error
                      weight: 1.0
                      teacher: large
                  - type: language_modeling
                    weight: 0.5
                parallel:

                """))
        #expect(written.contains("\n  epochs: 1\n  tokens_per_micro_batch: 4096\n"))
    }

    @Test("one objective is written as a mapping, and one teacher of weight 1 by its name")
    func oneObjective() throws {
        let written = try read(distillationYAML).resolvedYAML()
        #expect(
            written.contains(
                """

                objective:
                  type: distillation
                  weight: 1.0
                  teacher: large
                  divergence: forward_kl
                  temperature: 1.0
                  temperature_squared: true
                  tokens: completion
                  hidden_states: null
                parallel:

                """))
    }

    @Test("it writes every default out")
    func everyDefault() throws {
        #expect(
            try read().resolvedYAML() == """
                model:
                  checkpoint: models/policy
                references:
                  sft:
                    checkpoint: models/sft
                    storage: file
                    layout: same
                    ranks: null
                    cache: "off"
                data:
                  train: data/train.h5
                  validation:
                    validation: data/validation.h5
                  shuffle: true
                objective:
                  type: preference
                  weight: 1.0
                  loss: sigmoid
                  beta: 0.1
                  label_smoothing: 0.0
                  reference: sft
                parallel:
                  data: null
                  tensor: 1
                  pipeline: 1
                  zero: 0
                schedule:
                  epochs: 1
                  pairs_per_step: 32
                  tokens_per_micro_batch: 4096
                  prefix_sharing: true
                  recompute: none
                optimizer:
                  type: adamw
                  learning_rate: 5.0e-07
                  betas: [0.9, 0.999]
                  epsilon: 1.0e-08
                  weight_decay: 0.0
                  warmup_fraction: 0.0
                  decay: constant
                  clip_norm: 1.0
                  non_finite: stop
                  skip_limit: 3
                  spike_z_score: null
                  spike_window: 50
                evaluation:
                  every: null
                  at_start: true
                export:
                  every: null
                  dtype: float32
                run:
                  directory: runs/dpo
                  seed: 17
                  threads: null
                  checkpoint_every: null
                  checkpoint_minutes: 30.0
                  keep_last: 2
                  keep_every: null
                  allow_changes: null
                  time_limit: null
                  collective_timeout: 1800.0
                  step_timeout: null
                  check_collectives: false

                """)
    }
}
