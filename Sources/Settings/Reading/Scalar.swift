/// What a scalar says, by the core schema of YAML 1.2 without its octal and hexadecimal numbers.
enum Scalar: Equatable {
    case null
    case boolean(Bool)
    /// Digits, sign, point and exponent as written; also `.inf` and `.nan`, which no setting takes.
    case number(String)
    case text(String)

    init(text: String, isPlain: Bool) {
        guard isPlain else {
            self = .text(text)
            return
        }
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true": self = .boolean(true)
        case "false": self = .boolean(false)
        default: self = Scalar.isNumber(text) ? .number(text) : .text(text)
        }
    }

    /// `5e-7` and `.5` are numbers here, unlike in YAML 1.1, which asks for a point and a digit before it.
    static func isNumber(_ text: String) -> Bool {
        let decimal = /[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?/
        let special = /[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)/
        return text.wholeMatch(of: decimal) != nil || text.wholeMatch(of: special) != nil
    }
}
