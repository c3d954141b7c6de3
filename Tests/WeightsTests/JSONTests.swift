import Settings
import Testing

@testable import Weights

@Suite struct JSONTests {
    private func parse(_ text: String) throws(Failure) -> JSONValue {
        try JSONParser.parse(Array(text.utf8), place: "file")
    }

    @Test("values of every kind are read, numbers by their text")
    func values() throws {
        let value = try parse(#" {"a": [1, -0.5e+3, true, null], "b": {"c": "x\n\"\\\/\u0041\ud83d\ude00é"}} "#)
        #expect(value["a"] == .array([.number("1"), .number("-0.5e+3"), .bool(true), .null]))
        #expect(value["b"]?["c"]?.text == "x\n\"\\/A😀é")
        #expect(value["a"]?.elements?[0].integer == 1)
        #expect(value["a"]?.elements?[1].double == -500)
        #expect(value["a"]?.elements?[1].integer == nil)
    }

    @Test("true is not the number 1")
    func booleans() {
        #expect(JSONValue.bool(true).integer == nil)
        #expect(JSONValue.bool(true).double == nil)
        #expect(!JSONValue.bool(true).means(.number("1")))
        #expect(JSONValue.number("1.0").means(.number("1")))
    }

    @Test(
        "what is not JSON is refused in one line",
        arguments: [
            "", " ", "{", "[1,", "{\"a\"}", "{\"a\":1,}", "[1 2]", "01", "1.", ".5", "-", "1e", "+1", "nan", "NaN",
            "tru",
            "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\u{1}\"", "{} {}",
            "'a'",
            String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
        ])
    func malformed(text: String) throws {
        let failure = try #require(throws: Failure.self) { try parse(text) }
        #expect(failure.exitCode == .damagedData)
        #expect(!failure.description.contains("\n"))
    }

    @Test("a string that is not UTF-8 is refused")
    func encoding() {
        #expect(throws: Failure.self) { try JSONParser.parse([0x22, 0xFF, 0x22], place: "file") }
    }

    @Test("a duplicate name is refused by name, on every level")
    func duplicates() throws {
        for text in [#"{"a":1,"b":2,"a":3}"#, #"{"x":{"a":1,"a":1}}"#, #"{"a":1,"\u0061":2}"#] {
            let failure = try #require(throws: Failure.self) { try parse(text) }
            #expect(failure.description.contains("\"a\" occurs twice"))
        }
    }

    @Test("what is written reads back as the same value")
    func roundTrip() throws {
        let text = #"{"a":[1,2.50,[]],"b":{},"c":"q\"\\\u0007\té","d":null,"e":{"f":[{"g":false}]}}"#
        let value = try parse(text)
        #expect(try parse(value.compact) == value)
        #expect(try parse(value.indented()) == value)
        #expect(value.compact == text)
    }
}
