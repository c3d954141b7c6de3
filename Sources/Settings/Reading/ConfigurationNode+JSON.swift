extension ConfigurationNode {
    /// The value as JSON text on one line. Keys keep their order, and values keep their types: `1` stays whole, `1.0` does not
    /// become whole, `"1"` stays text.
    ///
    /// - Parameter path: the value's key path, for errors.
    func json(path: String, file: String) throws(Failure) -> String {
        switch content {
        case .mapping(let entries):
            var members: [String] = []
            for entry in entries {
                let value = try entry.value.json(path: "\(path).\(entry.key)", file: file)
                members.append("\(entry.key.quoted): \(value)")
            }
            return "{\(members.joined(separator: ", "))}"
        case .list(let items):
            var values: [String] = []
            for (index, item) in items.enumerated() {
                values.append(try item.json(path: "\(path).\(index)", file: file))
            }
            return "[\(values.joined(separator: ", "))]"
        case .scalar(let text, let isPlain):
            switch Scalar(text: text, isPlain: isPlain) {
            case .null: return "null"
            case .boolean(let value): return "\(value)"
            case .text(let text): return text.quoted
            case .number(let digits):
                if let whole = Int(digits) { return "\(whole)" }
                if let value = Double(digits), value.isFinite { return "\(value)" }
                throw .configuration(
                    origin.place(path, file: file), "is \(digits), not a finite number",
                    remedy: "Write a finite number.")
            }
        }
    }
}

extension String {
    /// The text in double quotes, escaped so that JSON and YAML both read the same text back.
    var quoted: String {
        var result = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{A0}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
