extension JSONValue {
    /// On one line, without spaces.
    public var compact: String { written(.compact) }

    /// On one line, with a space after each comma and colon, as Python's `json` writes it.
    public var line: String { written(.line) }

    /// On lines indented by two spaces a level, as Hugging Face writes its files; no line break at the end.
    public var indented: String { written(.indented(margin: 0)) }

    private enum Style {
        case compact
        case line
        /// `margin`: spaces before the line that the value begins on.
        case indented(margin: Int)

        var inner: Style {
            if case .indented(let margin) = self { .indented(margin: margin + 2) } else { self }
        }

        var colon: String {
            if case .compact = self { ":" } else { ": " }
        }

        /// Between two parts; none of the styles has a space before a comma.
        var comma: String {
            if case .line = self { ", " } else { "," }
        }
    }

    private func written(_ style: Style) -> String {
        var output: [UInt8] = []
        write(to: &output, style)
        return String(decoding: output, as: UTF8.self)
    }

    private func write(to output: inout [UInt8], _ style: Style) {
        switch self {
        case .null: output += "null".utf8
        case .bool(let value): output += (value ? "true" : "false").utf8
        case .integer(let number): output += number.description.utf8
        case .otherNumber(let text): output += text.utf8
        case .string(let text): text.writeQuoted(to: &output)
        case .array(let elements):
            JSONValue.write(elements, between: ("[", "]"), to: &output, style) { element, inner, output in
                element.write(to: &output, inner)
            }
        case .object(let members):
            JSONValue.write(members, between: ("{", "}"), to: &output, style) { member, inner, output in
                member.name.writeQuoted(to: &output)
                output += inner.colon.utf8
                member.value.write(to: &output, inner)
            }
        }
    }

    /// What a list or an object holds, between its brackets.
    private static func write<Part>(
        _ parts: [Part], between brackets: (opening: String, closing: String), to output: inout [UInt8], _ style: Style,
        _ write: (Part, Style, inout [UInt8]) -> Void
    ) {
        func breakLine(_ style: Style) {
            guard case .indented(let margin) = style else { return }
            output.append(UInt8(ascii: "\n"))
            output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: margin))
        }
        let inner = style.inner
        output += brackets.opening.utf8
        for (index, part) in parts.enumerated() {
            if index > 0 { output += style.comma.utf8 }
            breakLine(inner)
            write(part, inner, &output)
        }
        if !parts.isEmpty { breakLine(style) }
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
