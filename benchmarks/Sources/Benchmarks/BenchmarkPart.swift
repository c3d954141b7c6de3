import Settings

/// A part of the benchmark, as a value of `--only`.
public enum BenchmarkPart: String, CaseIterable, Sendable {
    case ceiling
    case kernels
    /// Language modelling, texts × tokens.
    case shortTexts = "lm-4x512"
    case longText = "lm-1x4096"
    /// Single texts of other lengths, to see how the cost grows with the context. They run only if `--only` names them.
    case text1024 = "lm-1x1024"
    case text2048 = "lm-1x2048"
    case text8192 = "lm-1x8192"
    /// Direct preference optimisation: with reference values that are computed in each step, or cached in the first epoch, or
    /// without a reference.
    case preferenceOnTheFly = "dpo-fly"
    case preferenceCached = "dpo-cached"
    case preferenceAlone = "dpo-none"
    /// A teacher, and a student with a third of its layers.
    case distillation = "distill"

    /// The parts that run without `--only`.
    static var usual: [BenchmarkPart] { allCases.filter { ![.text1024, .text2048, .text8192].contains($0) } }

    var isStep: Bool { self != .ceiling && self != .kernels }
    var hasPairs: Bool { isStep && textShape == nil }
    /// Whether reference values come from a cache after the first epoch.
    var isCached: Bool { self == .preferenceCached }

    /// The number of texts in a step, and the tokens of each text. Nil if the step has no texts.
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
