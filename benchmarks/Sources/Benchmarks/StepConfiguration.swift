import Settings

/// The trainer's settings for a step.
struct StepConfiguration {
    let part: BenchmarkPart
    let model: BenchmarkModel
    /// The exported random model.
    let checkpoint: String
    let dataset: String
    let data: Int
    let tensor: Int
    let threads: Int
    let steps: Int
    let tokensPerMicroBatch: Int
    let recompute: Recomputation
    let directory: String

    var yaml: String {
        """
        model: \(source)
        references: {\(reference)}
        data: {train: "\(dataset)", shuffle: false}
        objective: {\(objective)}
        parallel: {data: \(data), tensor: \(tensor)}
        schedule: {steps: \(steps), \(batch), tokens_per_micro_batch: \(tokensPerMicroBatch), recompute: \(recompute.rawValue)}
        optimizer: {learning_rate: 5.0e-6, clip_norm: 1.0}
        export: {dtype: bfloat16}
        run: {directory: "\(directory)", seed: 17, threads: \(threads)}

        """
    }

    /// Both sources give the same weights: random weights are drawn from the seed of the exported model.
    private var source: String {
        switch part {
        case .ceiling, .kernels, .shortTexts, .longText, .text1024, .text2048, .text8192: "{config: \(model.json)}"
        case .preferenceOnTheFly, .preferenceCached, .preferenceAlone: "{checkpoint: \"\(checkpoint)\"}"
        case .distillation: "{initialize_from: {checkpoint: \"\(checkpoint)\", layers: \(model.studentLayers)}}"
        }
    }

    private var reference: String {
        switch part {
        case .preferenceOnTheFly, .distillation: "frozen: {checkpoint: \"\(checkpoint)\"}"
        case .preferenceCached: "frozen: {checkpoint: \"\(checkpoint)\", cache: memory}"
        default: ""
        }
    }

    private var objective: String {
        switch part {
        case .preferenceOnTheFly, .preferenceCached: "type: preference, loss: sigmoid, beta: 0.1, reference: frozen"
        case .preferenceAlone: "type: preference, loss: sigmoid, beta: 0.1, reference: none"
        case .distillation: "type: distillation, teacher: frozen"
        default: "type: language_modeling"
        }
    }

    private var batch: String {
        part.textShape.map { "tokens_per_step: \($0.count * $0.length)" } ?? "pairs_per_step: \(BenchmarkPart.pairsPerStep)"
    }
}
