import Foundation

@testable import Settings

extension FuzzTarget {
    /// YAML of a run; what follows a NUL is an override.
    static let configuration = FuzzTarget(
        name: "configuration",
        seeds: {
            let preference = """
                model: {checkpoint: models/policy}
                references: {sft: &s {checkpoint: models/sft, storage: float32}}
                data: {train: data/train.h5, validation: {a: v.h5}, shuffle: false}
                objective: {type: preference, reference: sft, loss: sigmoid, beta: 0.1}
                optimizer: {learning_rate: 5e-7, warmup_fraction: 0.1, clip_norm: null}
                evaluation: {every: 10}
                export: {every: 5, dtype: float32}
                run: {directory: "runs/dpo", seed: 7, threads: 2}
                """
            let distillation = """
                model: {config: {model_type: llama, hidden_size: 8}}
                references:
                  large: {checkpoint: models/large, layout: {data: 1, tensor: 2}, cache: memory}
                data: {train: data/text.h5}
                objective:
                  - {type: distillation, teacher: large, divergence: jensen_shannon, beta: 0.5, temperature: 2}
                  - {type: language_modeling, weight: 0.5}
                parallel: {data: 2, tensor: 1, zero: 1}
                schedule: {steps: 10, tokens_per_step: 4096, tokens_per_micro_batch: 2048}
                optimizer: {<<: {learning_rate: 1e-4}, decay: cosine}
                run: {directory: runs/distillation}
                """
            return [Array(preference.utf8), Array(distillation.utf8) + [0] + Array("optimizer.learning_rate=1e-3".utf8)]
        },
        read: { input in
            let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            let configuration = try RunConfiguration(yaml: parts[0], file: "config.yaml", overrides: Array(parts.dropFirst()))
            var again = try RunConfiguration(yaml: configuration.resolvedYAML(), file: "config.yaml")
            again.file = configuration.file
            precondition(again == configuration, "the resolved configuration reads back as another")
        })
}
