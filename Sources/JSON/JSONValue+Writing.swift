extension JSONValue {
    /// On one line, without spaces.
    public var compact: String { written(margin: nil) }

    /// On lines indented by two spaces a level, as Hugging Face writes its files; no line break at the end.
    public var indented: String { written(margin: 0) }

    private func written(margin: Int?) -> String {
        var output: [UInt8] = []
        write(to: &output, margin: margin)
        return String(decoding: output, as: UTF8.self)
    }

    /// - Parameter margin: spaces before the line that the value begins on; nil for one line without spaces.
    private func write(to output: inout [UInt8], margin: Int?) {
        switch self {
        case .null: output += "null".utf8
        case .bool(let value): output += (value ? "true" : "false").utf8
        case .integer(let number): output += number.description.utf8
        case .otherNumber(let text): output += text.utf8
        case .string(let text): text.writeQuoted(to: &output)
        case .array(let elements):
            JSONValue.write(elements, between: ("[", "]"), to: &output, margin: margin) { element, inner, output in
                element.write(to: &output, margin: inner)
            }
        case .object(let members):
            JSONValue.write(members, between: ("{", "}"), to: &output, margin: margin) { member, inner, output in
                member.name.writeQuoted(to: &output)
                output += (inner == nil ? ":" : ": ").utf8
                member.value.write(to: &output, margin: inner)
            }
        }
    }

    /// What a list or an object holds, between its brackets.
    private static func write<Part>(
        _ parts: [Part], between brackets: (opening: String, closing: String), to output: inout [UInt8], margin: Int?,
        _ write: (Part, _ margin: Int?, inout [UInt8]) -> Void
    ) {
        func breakLine(_ margin: Int?) {
            guard let margin else { return }
            output.append(UInt8(ascii: "\n"))
            output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: margin))
        }
        let inner = margin.map { $0 + 2 }
        output += brackets.opening.utf8
        for (index, part) in parts.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            breakLine(inner)
            write(part, inner, &output)
        }
        if !parts.isEmpty { breakLine(margin) }
        output += brackets.closing.utf8
    }
}

extension JSONString {
    fileprivate func writeQuoted(to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""): output += #"\""#.utf8
            case UInt8(ascii: "\\"): output += #"\\"#.utf8
            case UInt8(ascii: "\n"): output += #"\n"#.utf8
            case UInt8(ascii: "\r"): output += #"\r"#.utf8
            case UInt8(ascii: "\t"): output += #"\t"#.utf8
            case 0..<0x20:
                output += #"\u00"#.utf8
                output += (byte < 0x10 ? "0" : "").utf8
                output += String(byte, radix: 16).utf8
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
