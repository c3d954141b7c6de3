/// Rewrites a regular expression of `tokenizer.json`, which is written for Oniguruma, so that PCRE2 finds the same matches.
///
/// These differences are rewritten: PCRE2's `\s` includes U+180E; its `\v` and `\h` are classes; it does not know `\uHHHH`;
/// `X{1,3}+` is possessive in PCRE2 and a repeated group in Oniguruma; PCRE2's general categories are those of an older Unicode
/// (`UnicodeAdditions`). Rare differences (word boundaries, scripts, class set operations, folds of several letters) are
/// refused, and the error names the construct.
struct OnigurumaPattern {
    /// A construct that is not supported.
    struct Problem: Error { let reason: String }

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var output: [UInt8] = []
    /// Where the last atom begins in `output`. A quantifier applies to this atom.
    private var atom: Int?
    private var groups: [(start: Int, wasCaseless: Bool)] = []
    private var isCaseless = false
    private var lastLiteral: Unicode.Scalar?

    /// The expression for PCRE2 with UTF, UCP and MULTILINE.
    static func translated(_ pattern: String) throws(Problem) -> String {
        var translation = OnigurumaPattern(scalars: Array(pattern.unicodeScalars))
        while translation.position < translation.scalars.count { try translation.step() }
        guard translation.groups.isEmpty else { throw Problem(reason: "a group is not closed") }
        return String(decoding: translation.output, as: UTF8.self)
    }

    private init(scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    private func peek(_ distance: Int = 0) -> Unicode.Scalar? {
        position + distance < scalars.count ? scalars[position + distance] : nil
    }

    private func follows(_ text: String) -> Bool {
        scalars[position...].starts(with: text.unicodeScalars)
    }

    private mutating func emit(_ text: String) { output += text.utf8 }

    private mutating func emitAtom(_ text: String) {
        atom = output.count
        lastLiteral = nil
        emit(text)
    }

    private mutating func step() throws(Problem) {
        let scalar = scalars[position]
        switch scalar {
        case "(": try openGroup()
        case ")": try closeGroup()
        case "|", "^", "$":
            position += 1
            (atom, lastLiteral) = (nil, nil)
            emit(String(scalar))
        case "*", "+", "?": try quantifier()
        case "{": try interval()
        case "[": try characterClass()
        case "\\": try escape()
        case ".":
            position += 1
            emitAtom(".")
        default:
            position += 1
            try literal(scalar)
        }
    }

    private mutating func literal(_ scalar: Unicode.Scalar) throws(Problem) {
        if isCaseless { try checkFold(scalar) }
        emitAtom(OnigurumaPattern.quoted(scalar))
        lastLiteral = scalar
    }

    /// Refuses pairs that Oniguruma folds to one letter (ß is ss): PCRE2 would match such a caseless text differently.
    private func checkFold(_ scalar: Unicode.Scalar) throws(Problem) {
        guard scalar.isASCII else { throw Problem(reason: "'\(scalar)' under (?i: is not supported") }
        guard let last = lastLiteral else { return }
        let pair = "\(last)\(scalar)".lowercased()
        if ["ss", "st", "ff", "fi", "fl"].contains(pair) {
            throw Problem(reason: "\"\(pair)\" under (?i: is not supported")
        }
    }

    private static func quoted(_ scalar: Unicode.Scalar) -> String {
        let isWordLike = !scalar.isASCII || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
        return isWordLike || scalar == " " || scalar == "'" ? String(scalar) : "\\x{\(String(scalar.value, radix: 16))}"
    }

    // MARK: Groups

    private mutating func openGroup() throws(Problem) {
        groups.append((output.count, isCaseless))
        for opening in ["(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!", "(?i:"] where follows(opening) {
            position += opening.unicodeScalars.count
            if opening == "(?i:" { isCaseless = true }
            emit(opening)
            (atom, lastLiteral) = (nil, nil)
            return
        }
        if peek(1) == "?" {
            let shown = String(String.UnicodeScalarView(scalars[position...].prefix(4)))
            throw Problem(reason: "the group '\(shown)…' is not supported")
        }
        position += 1
        emit("(?:")
        (atom, lastLiteral) = (nil, nil)
    }

    private mutating func closeGroup() throws(Problem) {
        guard let group = groups.popLast() else { throw Problem(reason: "a ')' closes no group") }
        position += 1
        emit(")")
        isCaseless = group.wasCaseless
        atom = group.start
        lastLiteral = nil
    }

    // MARK: Quantifiers

    private mutating func quantifier() throws(Problem) {
        guard atom != nil else { throw Problem(reason: "'\(scalars[position])' repeats nothing, or follows a repetition") }
        emit(String(scalars[position]))
        position += 1
        if let mode = peek(), mode == "?" || mode == "+" {
            emit(String(mode))
            position += 1
        }
        (atom, lastLiteral) = (nil, nil)
    }

    private mutating func interval() throws(Problem) {
        guard let (least, most, length) = intervalBounds() else {
            position += 1
            return try literal("{")
        }
        guard let start = atom else { throw Problem(reason: "'{' repeats nothing, or follows a repetition") }
        position += length
        emit(most == least ? "{\(least)}" : "{\(least),\(most)}")
        (atom, lastLiteral) = (nil, nil)
        switch peek() {
        case "+":
            // Oniguruma reads `{…}+` as a repeated interval, PCRE2 as a possessive one.
            output.insert(contentsOf: "(?:".utf8, at: start)
            emit(")")
            atom = start
        case "?" where least == most: throw Problem(reason: "'{\(least)}?' is not supported")
        case "?":
            position += 1
            emit("?")
        default: break
        }
    }

    /// The bounds and the length of `{n}`, `{n,}`, `{,m}` or `{n,m}` here; nil if the brace is a literal.
    private func intervalBounds() -> (least: String, most: String, length: Int)? {
        guard let end = scalars[position...].firstIndex(of: "}") else { return nil }
        let inside = String(String.UnicodeScalarView(scalars[(position + 1)..<end]))
        let parts = inside.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(parts.count), inside != ",", !inside.isEmpty,
            parts.allSatisfy({ $0.allSatisfy { ("0"..."9").contains($0) } })
        else { return nil }
        let least = parts[0].isEmpty ? "0" : parts[0]
        return (least, parts.count == 1 ? least : parts[1], end - position + 1)
    }

    // MARK: Escapes

    private mutating func escape() throws(Problem) {
        if let set = try classEscape() {
            if isCaseless { throw Problem(reason: "a class under (?i: is not supported") }
            return emitAtom("[\(set.isNegated ? "^" : "")\(set.members)]")
        }
        switch peek(1) {
        case "A", "z":
            emit("\\\(peek(1)!)")
            position += 2
            (atom, lastLiteral) = (nil, nil)
        default: try literal(try escapedScalar())
        }
    }

    /// Reads a class escape here (`\s`, `\d`, `\p{…}` or their negations). Returns nil and stays in place for another escape.
    private mutating func classEscape() throws(Problem) -> (members: String, isNegated: Bool)? {
        guard let letter = peek(1) else { throw Problem(reason: "it ends with a backslash") }
        switch letter {
        case "s", "S":
            position += 2
            return (UnicodeAdditions.whiteSpace, letter == "S")
        case "d", "D":
            position += 2
            return (UnicodeAdditions.members(ofCategory: "Nd")!, letter == "D")
        case "p", "P":
            guard peek(2) == "{", let end = scalars[position...].firstIndex(of: "}") else {
                throw Problem(reason: "'\\\(letter)' has no name in braces")
            }
            let name = String(String.UnicodeScalarView(scalars[(position + 3)..<end]))
            guard let members = UnicodeAdditions.members(ofCategory: name) else {
                throw Problem(reason: "the property '\\\(letter){\(name)}' is not supported")
            }
            position = end + 1
            return (members, letter == "P")
        default: return nil
        }
    }

    /// Reads an escape here and returns its character.
    private mutating func escapedScalar() throws(Problem) -> Unicode.Scalar {
        guard let letter = peek(1) else { throw Problem(reason: "it ends with a backslash") }
        position += 2
        switch letter {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "f": return "\u{c}"
        case "v": return "\u{b}"
        case "x" where peek() == "{":
            guard let end = scalars[position...].firstIndex(of: "}") else { break }
            defer { position = end + 1 }
            return try scalar(hexadecimal: scalars[(position + 1)..<end])
        case "x", "u":
            let length = letter == "x" ? 2 : 4
            guard position + length <= scalars.count else { break }
            defer { position += length }
            let value = try scalar(hexadecimal: scalars[position..<(position + length)])
            // Oniguruma reads \xHH as a byte, not as a character.
            guard letter == "u" || value.isASCII else {
                throw Problem(reason: "'\\x' with a byte above 7f is not supported")
            }
            return value
        case _ where letter.isASCII && !letter.properties.isAlphabetic && !("0"..."9").contains(letter):
            return letter
        default: break
        }
        throw Problem(reason: "the escape '\\\(letter)' is not supported")
    }

    private func scalar(hexadecimal digits: ArraySlice<Unicode.Scalar>) throws(Problem) -> Unicode.Scalar {
        let text = String(String.UnicodeScalarView(digits))
        guard let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw Problem(reason: "'\(text)' is not a hexadecimal number of a character")
        }
        return scalar
    }

    // MARK: Classes

    private mutating func characterClass() throws(Problem) {
        if isCaseless { throw Problem(reason: "a class under (?i: is not supported") }
        position += 1
        var members = "["
        if peek() == "^" {
            members += "^"
            position += 1
        }
        let first = position
        while let scalar = peek(), scalar != "]" || position == first {
            switch scalar {
            case "[": throw Problem(reason: "a class within a class is not supported")
            case "&" where peek(1) == "&": throw Problem(reason: "'&&' in a class is not supported")
            case "\\":
                if let set = try classEscape() {
                    members += try OnigurumaPattern.member(set)
                } else {
                    members += OnigurumaPattern.quotedInClass(try escapedScalar())
                }
            case "-" where position > first && peek(1) != "]":
                position += 1
                members += "-"
            default:
                position += 1
                members += OnigurumaPattern.quotedInClass(scalar)
            }
        }
        guard peek() == "]" else { throw Problem(reason: "a class is not closed") }
        position += 1
        emitAtom(members + "]")
    }

    private static func quotedInClass(_ scalar: Unicode.Scalar) -> String {
        "\\x{\(String(scalar.value, radix: 16))}"
    }

    private static func member(_ set: (members: String, isNegated: Bool)) throws(Problem) -> String {
        guard set.isNegated else { return set.members }
        guard set.members == UnicodeAdditions.whiteSpace else {
            throw Problem(reason: "a negated property in a class is not supported")
        }
        return UnicodeAdditions.notWhiteSpace
    }
}
