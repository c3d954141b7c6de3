/// The range of numbers that a key accepts.
enum NumberRange {
    case positive
    case notNegative
    /// 0 to 1, both included.
    case fraction
    /// 0 to 1, both excluded.
    case innerFraction
    /// At least 0 and below the bound.
    case below(Double)

    func contains(_ value: Double) -> Bool {
        switch self {
        case .positive: value > 0
        case .notNegative: value >= 0
        case .fraction: value >= 0 && value <= 1
        case .innerFraction: value > 0 && value < 1
        case .below(let bound): value >= 0 && value < bound
        }
    }

    var words: String {
        switch self {
        case .positive: "a number greater than 0"
        case .notNegative: "a number of at least 0"
        case .fraction: "a number from 0 to 1"
        case .innerFraction: "a number greater than 0 and below 1"
        case .below(let bound): "a number of at least 0 and below \(bound)"
        }
    }
}
