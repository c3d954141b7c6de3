/// The typed value of a scalar, by the core schema of YAML 1.2 without octal and hexadecimal numbers.
enum Scalar: Equatable {
    case null
    case boolean(Bool)
    /// Digits, sign, point and exponent as written. Also `.inf` and `.nan`, which no setting accepts.
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

    /// Whether a text is a number. `5e-7` and `.5` are numbers here, unlike in YAML 1.1, which requires a point and a digit
    /// before it.
    static func isNumber(_ text: String) -> Bool {
        let decimal = /[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?/
        let special = /[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)/
        return text.wholeMatch(of: decimal) != nil || text.wholeMatch(of: special) != nil
    }
}
