import Testing

@testable import JSON

@Suite("Reading and writing JSON") struct JSONValueTests {
    private func parse(_ text: String) throws(JSONProblem) -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    @Test("values of every kind are read, members in their order")
    func values() throws {
        let value = try parse(#" {"b": [1, -0.5e+3, true, null], "a": {"c": "x\n\"\\\/\u0041\ud83d\ude00é"}} "#)
        #expect(value["b"] == .array([.integer(1), .otherNumber("-0.5e+3"), .bool(true), .null]))
        #expect(value["a"]?["c"]?.text == "x\n\"\\/A😀é")
        #expect(value.members?.map(\.name) == ["b", "a"])
        #expect(value["c"] == nil)
    }

    @Test("a number keeps its text, and is whole where the text is")
    func numbers() throws {
        for (text, whole) in [
            ("0", 0), ("-1", -1), ("999999999999999999", 999_999_999_999_999_999), ("9223372036854775807", Int.max),
            ("-9223372036854775808", Int.min), ("-0", 0), ("9223372036854775808", nil), ("-9223372036854775809", nil),
            ("1000000000000000000000", nil), ("1.0", nil), ("1e2", nil), ("-0.50", nil), ("1E-400", nil),
        ] as [(String, Int?)] {
            let value = try parse(text)
            #expect(value.compact == text)
            #expect(value.wholeNumber == whole)
            #expect(value.double == Double(text))
        }
        #expect(try parse("1e400").double == .infinity)
    }

    @Test("true is not the number 1, and 1.0 is")
    func meaning() {
        #expect(JSONValue.bool(true).wholeNumber == nil)
        #expect(JSONValue.bool(true).double == nil)
        #expect(!JSONValue.bool(true).means(.integer(1)))
        #expect(JSONValue.otherNumber("1.0").means(.integer(1)))
    }

    /// What is refused, why, and where.
    static let refused: [(text: String, reason: String, offset: Int)] = [
        ("", "it ends too early", 0), (" ", "it ends too early", 1), ("[1,", "it ends too early", 3),
        ("{", "a name in quotes is missing", 1), ("{a:1}", "a name in quotes is missing", 1),
        ("{\"a\":1,}", "a name in quotes is missing", 7), ("{\"a\"}", "a colon is missing", 4),
        ("{\"a\" 1}", "a colon is missing", 5), ("{\"a\":1 \"b\":2}", "a comma or } is missing", 7),
        ("[1 2]", "a comma or ] is missing", 3), ("[1,]", "an unexpected character", 3),
        ("01", "text after the end", 1), ("{} {}", "text after the end", 3), ("1-2", "text after the end", 1),
        ("1.", "a digit is missing", 2), ("1.e5", "a digit is missing", 2), ("1e", "a digit is missing", 2),
        ("1e+", "a digit is missing", 3), ("-", "a digit is missing", 1), (".5", "an unexpected character", 0),
        ("+1", "an unexpected character", 0), ("nan", "an unexpected character", 0),
        ("NaN", "an unexpected character", 0), ("tru", "an unexpected character", 0),
        ("'a'", "an unexpected character", 0), ("\u{feff}{}", "an unexpected character", 0),
        ("\"a", "it ends too early", 2), ("\"\\", "it ends too early", 2), ("\"\\u12", "it ends too early", 3),
        ("\"\\x\"", "an unknown escape in a string", 3), ("\"\\u12g4\"", "a wrong \\u escape", 3),
        ("\"\\ud800\"", "half a surrogate pair", 7), ("\"\\ud800\\n\"", "half a surrogate pair", 8),
        ("\"\\ud800\\u0041\"", "half a surrogate pair", 13), ("\"\\udc00\"", "half a surrogate pair", 7),
        ("\"a\u{1}\"", "a control character in a string", 2), ("\"\\n\n\"", "a control character in a string", 3),
    ]

    @Test("what is not JSON is refused with what is wrong and where", arguments: refused)
    func malformed(text: String, reason: String, offset: Int) {
        #expect(throws: JSONProblem(reason: reason, offset: offset)) { try parse(text) }
    }

    @Test("64 levels of nesting are read, and no more", arguments: [("[", "]"), (#"{"a":"#, "}")])
    func nesting(opening: String, closing: String) throws {
        func nested(_ depth: Int) throws(JSONProblem) -> JSONValue {
            try parse(String(repeating: opening, count: depth) + "[]" + String(repeating: closing, count: depth))
        }
        _ = try nested(63)
        let problem = try #require(throws: JSONProblem.self) { try nested(64) }
        #expect(problem.reason == "more than 64 levels of nesting")
        #expect(problem.offset == 64 * opening.utf8.count)
        #expect(throws: JSONProblem.self) { try parse(String(repeating: opening, count: 1_000_000)) }
    }

    @Test("bytes that are not UTF-8 are refused with the first of them", arguments: [[0xFF], [0xC3, 0x22], [0xED, 0xA0, 0x80]])
    func encoding(bytes: [UInt8]) {
        #expect(throws: JSONProblem(reason: "bytes that are not UTF-8", offset: 2)) {
            try JSONValue(parsing: [0x22, 0x61] + bytes + [0x22])
        }
    }

    @Test("a duplicate name is refused by name, on every level, in few names and many")
    func duplicates() throws {
        let many = (0..<20).map { "\"\($0)\":0" }.joined(separator: ",")
        for text in [
            #"{"a":1,"b":2,"a":3}"#, #"{"x":{"a":1,"a":1}}"#, #"{"a":1,"\u0061":2}"#, "{\"a\":1,\(many),\"a\":2}",
            "{\(many),\"a\":1,\"a\":2}",
        ] {
            let problem = try #require(throws: JSONProblem.self) { try parse(text) }
            #expect(problem.reason == "the name \"a\" occurs twice")
        }
        let problem = try #require(throws: JSONProblem.self) { try parse(#"{"\n\u202e":1,"\n\u202e":2}"#) }
        #expect(problem.reason == "the name \"\\u{a}\\u{202e}\" occurs twice")
    }

    @Test("names and texts are compared by bytes, which Unicode may take for the same")
    func canonicalEquivalence() throws {
        let value = try parse("{\"\u{e9}\":1,\"e\u{301}\":2}")
        #expect(value["\u{e9}"] == .integer(1))
        #expect(value["e\u{301}"] == .integer(2))
        #expect(JSONString("\u{e9}") != JSONString("e\u{301}"))
    }

    @Test("equal texts are the same wherever they lie, and so are their hashes")
    func equalTexts() throws {
        for text in ["", "a", "eight by", "nine byte", "sixteen bytes of", "seventeen bytes o", "é😀"] {
            let value = try parse("[\"before\",\"\(text)\"]")
            guard case .string(let read) = value.elements?[1] else { preconditionFailure("a text is read as \(value)") }
            #expect(read == JSONString(text) && read.hashValue == JSONString(text).hashValue)
            #expect(read.matches(text) && read.string == text && Array(read.bytes) == Array(text.utf8))
            #expect(read != JSONString(text + " ") && !read.matches(text + " "))
        }
    }

    @Test("what is written reads back as the same value")
    func roundTrip() throws {
        let text = #"{"a":[1,2.50,[]],"b":{},"c":"q\"\\\u0007\té","d":null,"e":{"f":[{"g":false}]}}"#
        let value = try parse(text)
        #expect(try parse(value.compact) == value)
        #expect(try parse(value.indented) == value)
        #expect(value.compact == text)
    }

    @Test("an indented value has a line for each part")
    func indentation() throws {
        let value = try parse(#"{"a":[1,{"b":[]}],"c":{}}"#)
        #expect(value.indented == "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}")
    }

    @Test("every escape that is written is read back")
    func writtenEscapes() throws {
        let text = String(String.UnicodeScalarView((0..<0x100).map { Unicode.Scalar(UInt8($0)) }))
        #expect(try parse(JSONValue.text(text).compact).text == text)
        #expect(JSONValue.text("\u{0}\u{1f}").compact == #""\u0000\u001f""#)
    }

    @Test("escapes of a text alone are resolved, or refused from its beginning")
    func escapes() throws {
        let text = Array(#"--a\n\u00e9\\b\ud83d\ude00c"#.utf8)
        #expect(try JSONEscape.resolved(text[2...]) == Array("a\né\\b😀c".utf8))
        #expect(throws: JSONProblem(reason: "half a surrogate pair", offset: 7)) {
            try JSONEscape.resolved(Array(#"--a\udc00"#.utf8)[2...])
        }
    }

    @Test("for an error a value is one short line")
    func excerpts() throws {
        let value = try parse(#"{"a\u202e":["\#(String(repeating: "x", count: 200))"]}"#)
        #expect(value.excerpt.hasPrefix(#"{"a\u{202e}":["xx"#) && value.excerpt.count < 140)
        #expect(value.kind == "an object" && value["a\u{202e}"]?.kind == "a list")
        #expect(try parse("[null,false,7,7.0,\"a\\nb\"]").elements?.map(\.kind) == ["null", "false", "7", "7.0", #""a\u{a}b""#])
    }
}
