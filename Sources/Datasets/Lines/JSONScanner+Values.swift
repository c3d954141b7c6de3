/// Looks at the next value without moving the position. The value's form has been checked before.
extension JSONScanner {
    /// Whether the value says nothing: null, an empty text, a text such as `[]` or `null`, or a list or object of such values.
    var holdsNothing: Bool {
        var scanner = self
        return (try? scanner.passNothing()) == true
    }

    var isEmptyList: Bool {
        var scanner = self
        guard scanner.take("[") else { return false }
        scanner.skipSpace()
        return scanner.take("]")
    }

    /// The value as a number; nil for any other value.
    var number: Double? {
        guard let first = peek(), first == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
        else { return nil }
        return Double(written)
    }

    var isTrueOrFalse: Bool { peek() == UInt8(ascii: "t") || peek() == UInt8(ascii: "f") }

    /// True or false, or the numbers 1 and 0; nil for any other value.
    var mark: Bool? {
        switch peek() {
        case UInt8(ascii: "t"): true
        case UInt8(ascii: "f"): false
        default: number == 1 ? true : number == 0 ? false : nil
        }
    }

    /// The value as a text; nil for any other value.
    var plainText: String? {
        var scanner = self
        return try? scanner.text(field: "")
    }

    var numbers: [Double]? {
        list { scanner throws(RecordError) in
            guard let number = scanner.number else { throw RecordError("") }
            try scanner.skipValue()
            return number
        }
    }

    var wholeNumbers: [Int32]? { list { scanner throws(RecordError) in try scanner.tokenID(field: "") } }

    var marks: [Bool]? {
        var scanner = self
        return (try? scanner.marks(field: "")) ?? nil
    }

    var labels: [Int32]? {
        var scanner = self
        return (try? scanner.labels(field: "")) ?? nil
    }

    /// The value's text in the line, unchanged.
    var written: String {
        var scanner = self
        guard (try? scanner.skipValue()) != nil else { return "" }
        return String(decoding: bytes[position..<scanner.position], as: UTF8.self)
    }

    // MARK: Reading without moving

    private func list<Element>(_ element: (inout JSONScanner) throws(RecordError) -> Element) -> [Element]? {
        var scanner = self
        return (try? scanner.list(field: "", of: "", element)) ?? nil
    }

    /// Skips any value, and returns whether it says nothing.
    private mutating func passNothing() throws(RecordError) -> Bool {
        var saysNothing = true
        switch peek() {
        case UInt8(ascii: "\""):
            let text = String(decoding: try string(), as: UTF8.self).filter { !$0.isWhitespace }
            return ["", "[]", "{}", "null"].contains(text)
        case UInt8(ascii: "["):
            let values = try list(field: "", of: "") { scanner throws(RecordError) in try scanner.passNothing() }
            return values?.allSatisfy { $0 } ?? true
        case UInt8(ascii: "{"):
            _ = take("{")
            var isFirst = true
            while try nextKey(isFirst: isFirst) != nil {
                isFirst = false
                if try !passNothing() { saysNothing = false }
            }
            return saysNothing
        default: return try literalIsNull()
        }
    }

    private mutating func literalIsNull() throws(RecordError) -> Bool {
        let isNull = peek() == UInt8(ascii: "n")
        try skipValue()
        return isNull
    }
}
