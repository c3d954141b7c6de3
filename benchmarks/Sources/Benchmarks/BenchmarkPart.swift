import Settings

/// What `--only` names.
public enum BenchmarkPart: String, CaseIterable, Sendable {
    case ceiling
    case kernels
    /// Language modelling, texts × tokens.
    case shortTexts = "lm-4x512"
    case longText = "lm-1x4096"
    /// Single texts of other lengths: how cost grows with the context. Only when they are named.
    case text1024 = "lm-1x1024"
    case text2048 = "lm-1x2048"
    case text8192 = "lm-1x8192"
    /// Direct preference optimisation: the reference's values computed in each step, kept from the first epoch, or none.
    case preferenceOnTheFly = "dpo-fly"
    case preferenceCached = "dpo-cached"
    case preferenceAlone = "dpo-none"
    /// A teacher, and a student of a third of its layers.
    case distillation = "distill"

    /// What runs where nothing is named.
    static var usual: [BenchmarkPart] { allCases.filter { ![.text1024, .text2048, .text8192].contains($0) } }

    var isStep: Bool { self != .ceiling && self != .kernels }
    var hasPairs: Bool { isStep && textShape == nil }
    /// The reference's values come from a memory after the first epoch.
    var isCached: Bool { self == .preferenceCached }

    /// Texts a step, and tokens of each.
    var textShape: (count: Int, length: Int)? {
        switch self {
        case .shortTexts: (4, 512)
        case .longText: (1, 4096)
        case .text1024: (1, 1024)
        case .text2048: (1, 2048)
        case .text8192: (1, 8192)
        default: nil
        }
    }

    static let pairsPerStep = 8
}

/// A step's settings as the trainer reads them.
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

    /// The same weights either way: random ones are drawn from the export's seed.
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
