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
