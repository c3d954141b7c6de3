import Foundation
import JSON
import Testing

private struct Point: JSONRepresentable, Equatable {
    enum Colour: String, JSONRepresentable { case red, blue }

    var x: Double
    var count: Int
    var seed: UInt64
    var label: String?
    var colour: Colour
    var inner: [[Int]]
    var names: [String: String]
    var isOpen: Bool

    var json: JSONValue {
        .fields([
            "x": x, "count": count, "seed": seed, "label": label, "colour": colour, "inner": inner, "names": names, "is_open": isOpen,
        ])
    }

    init(x: Double) {
        (self.x, count, seed, label, colour, inner, names, isOpen) = (x, -3, .max, nil, .blue, [[1, 2], []], ["b": "2", "a": "\"ü\n"], true)
    }

    init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        x = try fields["x"]
        count = try fields["count"]
        seed = try fields["seed"]
        label = try fields["label"]
        colour = try fields["colour"]
        inner = try fields["inner"]
        names = try fields["names"]
        isOpen = try fields["is_open"]
    }
}

@Suite struct JSONRepresentableTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    @Test("a type's fields are written in their order, without those that are nil, and as Foundation reads them")
    func written() throws {
        let text = Point(x: 0.5).json.line
        #expect(
            text == #"{"x": 0.5, "count": -3, "seed": 18446744073709551615, "colour": "blue", "inner": [[1, 2], []], "#
                + #""names": {"a": "\"ü\n", "b": "2"}, "is_open": true}"#)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["seed"] as? UInt64 == .max && (object["names"] as? [String: String])?["a"] == "\"ü\n")
    }

    @Test("doubles read back to the same bits, a negative zero and the smallest number among them")
    func doubles() throws {
        var generator = SystemRandomNumberGenerator()
        let random = (0..<1000).map { _ in Double(bitPattern: generator.next()) }.filter(\.isFinite)
        for value in random + [0, -0.0, 1, -7, 0.1 + 0.2, 5e-324, .greatestFiniteMagnitude, 1e15, 1e16, 123_456_789_012_345_680] {
            let read: Double = try parse(value.json.compact).decoded()
            #expect(read.bitPattern == value.bitPattern)
            // The C library, as an independent reader.
            #expect(strtod(value.json.compact, nil).bitPattern == value.bitPattern)
        }
        #expect(Double.nan.json == .null && (-Double.infinity).json == .null && 3.0.json.compact == "3")
    }

    @Test("a value goes through all three ways of writing it")
    func roundTrip() throws {
        var point = Point(x: 1e-300)
        for label in [nil, "", "a\u{1}b"] {
            point.label = label
            for text in [point.json.compact, point.json.line, point.json.indented] {
                #expect(try Point(json: parse(text)) == point)
            }
        }
    }

    @Test(
        "what does not fit is told with the path of the value",
        arguments: [
            (#""x": 0.5"#, #""x": "0.5""#, #"x is "0.5", not a number"#), (#""count": -3"#, #""count": 1.5"#, "count is 1.5, not a whole number"),
            (#""count": -3"#, #""count": 1e30"#, "count is 1e30, not a whole number"),
            (#""seed": 18446744073709551615"#, #""seed": -1"#, "seed is -1, not a whole number"),
            (#""x": 0.5"#, #""x": 1e999"#, "x is 1e999, not a number"), (#""x": 0.5"#, #""x": null"#, "x is null, not a number"),
            (#""x": 0.5, "#, "", "x is missing"), (#"[1, 2]"#, #"[1, true]"#, "inner[0][1] is true, not a whole number"),
            (#""blue""#, #""green""#, #"colour is "green", not one of the known values"#),
            (#"{"a": "#, #"{"ä\u0007": 1, "a": "#, #"names.ä\u{7} is 1, not a text"#),
            (#""is_open": true"#, #""is_open": 1"#, "is_open is 1, not true or false"),
        ])
    func mismatch(_ old: String, _ new: String, _ words: String) throws {
        let json = try parse(Point(x: 0.5).json.line.replacing(old, with: new, maxReplacements: 1))
        let mismatch = #expect(throws: JSONMismatch.self) { try Point(json: json) }
        #expect(mismatch?.description == words)
    }

    @Test("whole numbers are read whichever way they are written; a list is no object")
    func numbers() throws {
        #expect(try parse("1e3").decoded(as: Int.self) == 1000 && parse("2.0").decoded(as: UInt64.self) == 2)
        #expect(try [3: "3", -1: "-1"].allSatisfy { try parse($1).decoded(as: Int32.self) == $0 })
        #expect(throws: JSONMismatch.self) { try parse("2147483648").decoded(as: Int32.self) }
        #expect(try #require(#expect(throws: JSONMismatch.self) { try JSONFields(.array([])) }).description == "is a list, not an object")
        #expect(try parse(#"{"label": null}"#).decoded(as: [String: String?].self) == ["label": nil])
    }
}
