import Settings
import Testing

@Suite("The resolved configuration")
struct ResolvedYAMLTests {
    @Test("it loads back to an equal value", arguments: [preferenceYAML, languageModelingYAML])
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
            schedule: {steps: 9, pairs_per_step: 8, tokens_per_micro_batch: 100, prefix_sharing: false}
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
            run: {directory: " ", seed: 18446744073709551615, threads: 3, checkpoint_every: 7, keep_last: 4}
            """)
        #expect(configuration.optimizer.learningRate == 1.2345678901234567e-7)
        #expect(try read(configuration.resolvedYAML()) == configuration)
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
                  keep_last: 2

                """)
    }
}
