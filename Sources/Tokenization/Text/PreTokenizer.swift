import JSON
import Settings

/// Cuts a text into words before byte-pair encoding, in steps. Each step cuts the pieces of the step before it.
struct PreTokenizer: Sendable {
    /// What a split does with the matches of its pattern.
    enum Behavior: String, Sendable {
        case isolated = "Isolated"
        case removed = "Removed"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    enum Step: Sendable {
        /// - Parameter isInverted: whether the stretches between the matches count as the matches.
        case split(RegularExpression, Behavior, isInverted: Bool)
        /// Adds a space before a piece that does not begin with one.
        case prefixSpace
    }

    let steps: [Step]

    /// GPT-2's expression, with which `ByteLevel` splits a text.
    private static let byteLevelPattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    init(_ node: JSONValue?, place: String) throws(Failure) {
        guard let node, node != .null else {
            throw .unsupportedTokenizer(place, "is missing: a byte-level tokenizer ends with ByteLevel")
        }
        var isComplete = false
        steps = try PreTokenizer.steps(node, place: place, isComplete: &isComplete)
        guard isComplete else { throw .unsupportedTokenizer(place, "does not end with ByteLevel") }
    }

    /// - Parameter isComplete: whether `ByteLevel` has been read. A later step would see the byte alphabet, not the text.
    private static func steps(
        _ node: JSONValue, place: String, isComplete: inout Bool
    ) throws(Failure) -> [Step] {
        let fields = try ComponentFields(node, place: place)
        let type = try fields.string("type")
        guard !isComplete else {
            throw .unsupportedTokenizer(
                fields.place(of: "type"), "\"\(type.printable)\" after ByteLevel is not supported")
        }
        switch type {
        case "Sequence":
            try fields.refuseAllBut(["type", "pretokenizers"])
            var all: [Step] = []
            for (index, inner) in try fields.list("pretokenizers").enumerated() {
                all += try steps(inner, place: "\(place).pretokenizers[\(index)]", isComplete: &isComplete)
            }
            return all
        case "ByteLevel":
            isComplete = true
            return try byteLevel(fields)
        case "Split": return [try split(fields)]
        case "Digits":
            try fields.refuseAllBut(["type", "individual_digits"])
            let behavior: Behavior = try fields.bool("individual_digits", default: false) ? .isolated : .contiguous
            return [.split(try compiled("[\(UnicodeAdditions.numeric)]", place: place), behavior, isInverted: false)]
        case "WhitespaceSplit":
            try fields.refuseAllBut(["type"])
            let pattern = "[\(UnicodeAdditions.whiteSpace)]"
            return [.split(try compiled(pattern, place: place), .removed, isInverted: false)]
        default:
            throw .unsupportedTokenizer(
                fields.place(of: "type"), "the pre-tokeniser \"\(type.printable)\" is not supported")
        }
    }

    private static func byteLevel(_ fields: ComponentFields) throws(Failure) -> [Step] {
        try fields.refuseAllBut(["type", "add_prefix_space", "trim_offsets", "use_regex"])
        var steps: [Step] = try fields.bool("add_prefix_space", default: true) ? [.prefixSpace] : []
        if try fields.bool("use_regex", default: true) {
            let expression = try translated(byteLevelPattern, place: fields.place)
            steps.append(.split(expression, .isolated, isInverted: false))
        }
        return steps
    }

    private static func split(_ fields: ComponentFields) throws(Failure) -> Step {
        try fields.refuseAllBut(["type", "pattern", "behavior", "invert"])
        let name = try fields.string("behavior")
        guard let behavior = Behavior(rawValue: name) else {
            throw .unsupportedTokenizer(fields.place(of: "behavior"), "\"\(name.printable)\" is unknown")
        }
        let place = fields.place(of: "pattern")
        let pattern = try ComponentFields(try fields.required("pattern"), place: place)
        try pattern.refuseAllBut(["Regex", "String"])
        let isInverted = try fields.bool("invert", default: false)
        if let text = try pattern.optionalString("String") {
            guard !text.isEmpty else { throw .unsupportedTokenizer(place, "is an empty text") }
            return .split(try compiled(text, isLiteral: true, place: place), behavior, isInverted: isInverted)
        }
        return .split(
            try translated(try pattern.string("Regex"), place: place), behavior, isInverted: isInverted)
    }

    private static func translated(_ pattern: String, place: String) throws(Failure) -> RegularExpression {
        do {
            return try compiled(try OnigurumaPattern.translated(pattern), place: place)
        } catch let problem as OnigurumaPattern.Problem {
            throw .unsupportedTokenizer(place, "the expression can't be used: \(problem.reason)")
        } catch let failure as Failure {
            throw failure
        } catch {
            brokenInvariant("an expression fails with \(error)")
        }
    }

    private static func compiled(
        _ pattern: String, isLiteral: Bool = false, place: String
    ) throws(Failure) -> RegularExpression {
        do {
            return try RegularExpression(pattern, isLiteral: isLiteral)
        } catch {
            throw .unsupportedTokenizer(place, "the expression can't be used: \(error.reason)")
        }
    }
}
