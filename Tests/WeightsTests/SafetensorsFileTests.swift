import Foundation
import Settings
import Tensors
import TestSupport
import Testing

@testable import Weights

@Suite struct SafetensorsFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func file(_ header: String, data: [UInt8]) throws -> SafetensorsFile {
        try SafetensorsFile(path: try folder.write("x.safetensors", safetensors(header, data: data)))
    }

    @Test("tensors of a good file are read, whatever their order in the header")
    func good() throws {
        let header =
            "{"
            + [
                #""__metadata__":{"format":"pt"}"#, entry("b", "F32", [3], 16, 28), entry("a", "F32", [2, 2], 0, 16),
                entry("empty", "F32", [0, 5], 16, 16), entry("one", "I64", [], 28, 36),
            ].joined(separator: ",") + "}   "
        let file = try file(header, data: bytes([1, 2, 3, 4, 5, 6, 7]) + littleEndian(Int64(9)))
        #expect(file.metadata == ["format": "pt"])
        #expect(file.tensors.map(\.name) == ["a", "empty", "b", "one"])
        #expect(file.tensor(named: "one")?.elementCount == 1)
        #expect(try file.matrix(named: "a", rowCount: 2, columnCount: 2).widened == [1, 2, 3, 4])
        #expect(try file.matrix(named: "b", rowCount: 1, columnCount: 3).widened == [5, 6, 7])
    }

    @Test("F32, F16 and BF16 are widened exactly: subnormals, infinities, signed zero and NaN included")
    func widening() throws {
        let half: [UInt16] = [0x3C00, 0xC000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0x7C00, 0xFC00, 0x8000, 0x7E01]
        let brain: [UInt16] = [0x3F80, 0xC000, 0x0001, 0x8001, 0x0080, 0x7F7F, 0x7F80, 0xFF80, 0x8000, 0x7FC1]
        let full: [Float] = [
            1, -2, .leastNonzeroMagnitude, -0x1p-130, .leastNormalMagnitude, .greatestFiniteMagnitude, .infinity,
            -.infinity, -0.0, .nan,
        ]
        let header =
            "{\(entry("f32", "F32", [10], 0, 40)),\(entry("f16", "F16", [10], 40, 60)),\(entry("bf16", "BF16", [10], 60, 80))}"
        let file = try file(header, data: bytes(full) + (half + brain).flatMap { littleEndian($0) })

        #expect(
            try file.matrix(named: "f32", rowCount: 1, columnCount: 10).widened.map(\.bitPattern)
                == full.map(\.bitPattern))
        let fromHalf = try file.matrix(named: "f16", rowCount: 1, columnCount: 10).widened
        #expect(fromHalf[..<9] == [1, -2, 0x1p-24, -1023 * 0x1p-24, 0x1p-14, 65504, .infinity, -.infinity, 0])
        #expect(fromHalf[8].sign == .minus && fromHalf[9].isNaN)
        let fromBrain = try file.matrix(named: "bf16", rowCount: 1, columnCount: 10).widened
        #expect(fromBrain[..<9] == [1, -2, 0x1p-133, -0x1p-133, 0x1p-126, 0x1.FEp127, .infinity, -.infinity, 0])
        #expect(fromBrain[8].sign == .minus && fromBrain[9].isNaN)
    }

    @Test("data at odd addresses are read", arguments: 0..<4)
    func misaligned(padding: Int) throws {
        let header =
            "{\(entry("u8", "U8", [1], 0, 1)),\(entry("a", "F32", [2, 1], 1, 9)),\(entry("b", "BF16", [2], 9, 13))}"
        let file = try file(
            header + String(repeating: " ", count: padding), data: [7] + bytes([1.5, -3]) + [0x80, 0x3F, 0, 0x40])
        #expect(try file.matrix(named: "a", rowCount: 2, columnCount: 1).widened == [1.5, -3])
        #expect(try file.matrix(named: "b", rowCount: 1, columnCount: 2).widened == [1, 2])
    }

    struct BadHeader: CustomTestStringConvertible, Sendable {
        let header: String
        let says: String
        var testDescription: String { says }
    }

    /// Each over 16 bytes of data.
    static let badHeaders: [BadHeader] = [
        BadHeader(header: "", says: "does not begin with {"),
        BadHeader(header: "[]", says: "does not begin with {"),
        BadHeader(header: " {}", says: "does not begin with {"),
        BadHeader(header: "{\"a\":", says: "not valid JSON"),
        BadHeader(header: "{\u{0}\u{1}\u{2}", says: "not valid JSON"),
        BadHeader(header: "{\(entry("a", "F32", [4], 0, 16))} {", says: "text after the end"),
        BadHeader(
            header: "{\(entry("a", "F32", [2], 0, 8)),\(entry("a", "F32", [2], 8, 16))}", says: "\"a\" occurs twice"),
        BadHeader(
            header: "{\(entry("\u{e9}", "F32", [2], 0, 8)),\(entry("e\u{301}", "F32", [2], 8, 16))}",
            says: "\"e\u{301}\" occurs twice"),
        BadHeader(
            header: #"{"a":{"dtype":"F32","dtype":"F16","shape":[4],"data_offsets":[0,16]}}"#,
            says: "\"dtype\" occurs twice"),
        BadHeader(header: #"{"a":7}"#, says: "tensor a is not described by an object"),
        BadHeader(header: #"{"a":{"shape":[4],"data_offsets":[0,16]}}"#, says: "dtype is missing"),
        BadHeader(
            header: #"{"a":{"dtype":1,"shape":[4],"data_offsets":[0,16]}}"#, says: "dtype is missing or not a string"),
        BadHeader(header: #"{"a":{"dtype":"F32","data_offsets":[0,16]}}"#, says: "shape is missing"),
        BadHeader(header: #"{"a":{"dtype":"F32","shape":[4]}}"#, says: "data_offsets is missing"),
        BadHeader(
            header: #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"more":1}}"#, says: "unknown field more"),
        BadHeader(header: "{\(entry("a", "F33", [4], 0, 16))}", says: "unknown dtype F33"),
        BadHeader(header: "{\(entry("a", "F32", [-4], 0, 16))}", says: "shape holds -4"),
        BadHeader(header: #"{"a":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}}"#, says: "shape holds 4.0"),
        BadHeader(header: #"{"a":{"dtype":"F32","shape":[true,4],"data_offsets":[0,16]}}"#, says: "shape holds true"),
        BadHeader(
            header: #"{"a":{"dtype":"F32","shape":4,"data_offsets":[0,16]}}"#, says: "shape is missing or not a list"),
        BadHeader(
            header: #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,16]}}"#,
            says: "shape holds 9999"),
        BadHeader(header: "{\(entry("a", "F32", [1 << 40, 1 << 40], 0, 16))}", says: "larger than any memory"),
        BadHeader(header: "{\(entry("a", "F32", [Int.max], 0, 16))}", says: "larger than any memory"),
        BadHeader(header: "{\(entry("a", "F4", [3], 0, 1))}", says: "does not fill whole bytes"),
        BadHeader(header: "{\(entry("a", "F32", [5], 0, 16))}", says: "takes 20 bytes, but data_offsets give it 16"),
        BadHeader(header: "{\(entry("a", "F32", [4], 16, 0))}", says: "not a range"),
        BadHeader(header: "{\(entry("a", "F32", [4], -16, 0))}", says: "not a range"),
        BadHeader(
            header: #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16,32]}}"#,
            says: "not a list of two whole numbers"),
        BadHeader(
            header: #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[false,16]}}"#,
            says: "not a list of two whole numbers"),
        BadHeader(
            header: "{\(entry("a", "F32", [5], 0, 20))}", says: "ends at byte 20 of the data, but the file has 16"),
        BadHeader(
            header: "{\(entry("a", "F32", [3], 0, 12)),\(entry("b", "F32", [2], 8, 16))}",
            says: "tensors a and b overlap"),
        BadHeader(
            header: "{\(entry("a", "F32", [1], 0, 4)),\(entry("b", "F32", [2], 8, 16))}",
            says: "bytes 4..<8 of the data, before tensor b"),
        BadHeader(header: "{\(entry("a", "F32", [3], 4, 16))}", says: "bytes 0..<4 of the data, before tensor a"),
        BadHeader(header: "{\(entry("a", "F32", [3], 0, 12))}", says: "4 bytes at its end belong to no tensor"),
        BadHeader(
            header: #"{"__metadata__":{"format":1},\#(entry("a", "F32", [4], 0, 16))}"#,
            says: "__metadata__.format = 1 is not a string"),
        BadHeader(
            header: #"{"__metadata__":"pt",\#(entry("a", "F32", [4], 0, 16))}"#, says: "__metadata__ is not an object"),
    ]

    @Test("a wrong header is refused as damaged data, in one line that names file and fault", arguments: badHeaders)
    func badHeader(bad: BadHeader) throws {
        let failure = try #require(throws: Failure.self) { try file(bad.header, data: Array(repeating: 0, count: 16)) }
        #expect(failure.exitCode == .damagedData)
        #expect(failure.description.contains(bad.says))
        #expect(failure.place.contains("x.safetensors"))
        #expect(!failure.description.contains("\n"))
    }

    @Test("a file cut anywhere is refused")
    func truncated() throws {
        let whole = safetensors("{\(entry("a", "F32", [2], 0, 8))}", data: bytes([1, 2]))
        for count in 0..<whole.count {
            let path = try folder.write("cut.safetensors", whole.prefix(count))
            let failure = try #require(throws: Failure.self) { try SafetensorsFile(path: path) }
            #expect(failure.exitCode == .damagedData, "\(count) bytes")
        }
        let path = try folder.write("long.safetensors", whole + [0])
        #expect(throws: Failure.self) { try SafetensorsFile(path: path) }
        #expect(throws: Never.self) { try SafetensorsFile(path: try folder.write("whole.safetensors", whole)) }
    }

    @Test(
        "a header length beyond the file or the format is refused",
        arguments: [3, 99_999_999, 100_000_001, 1 << 62, UInt64.max])
    func headerLength(length: UInt64) throws {
        let path = try folder.write("x.safetensors", littleEndian(length) + Array("{}".utf8))
        let failure = try #require(throws: Failure.self) { try SafetensorsFile(path: path) }
        #expect(failure.exitCode == .damagedData)
        #expect(failure.description.contains("header of \(length) bytes"))
        #expect(failure.description.contains("safetensors allows 100000000") == (length > 100_000_000))
    }

    @Test("a Git LFS pointer is called by its name")
    func pointer() throws {
        let path = try folder.write(
            "x.safetensors", text: "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
        let failure = try #require(throws: Failure.self) { try SafetensorsFile(path: path) }
        #expect(failure.description.contains("Git LFS pointer"))
    }

    @Test("a missing file has its own exit code")
    func missing() throws {
        let failure = try #require(throws: Failure.self) {
            try SafetensorsFile(path: folder.path + "/none.safetensors")
        }
        #expect(failure.exitCode == .missingInput)
    }

    @Test("asking for an absent tensor, another shape or an unusable type names file, tensor and both shapes")
    func wrongRequests() throws {
        let header =
            "{\(entry("a", "F32", [2, 2], 0, 16)),\(entry("d", "F64", [1], 16, 24)),\(entry("v", "F32", [2], 24, 32))}"
        let file = try file(header, data: Array(repeating: 0, count: 32))
        let absent = try #require(throws: Failure.self) { try file.matrix(named: "b", rowCount: 2, columnCount: 2) }
        #expect(absent.description.contains("x.safetensors") && absent.description.contains("tensor b"))
        for (rows, columns) in [(4, 1), (1, 4), (2, 3)] {
            let shape = try #require(throws: Failure.self) {
                try file.matrix(named: "a", rowCount: rows, columnCount: columns)
            }
            #expect(shape.exitCode == .damagedData)
            #expect(shape.description.contains("tensor a has shape [2, 2]"))
            #expect(shape.description.contains(rows == 1 ? "asks for [4]" : "asks for [\(rows), \(columns)]"))
        }
        // A vector is one row, never a column or a folded matrix.
        #expect(throws: Failure.self) { try file.matrix(named: "v", rowCount: 2, columnCount: 1) }
        let type = try #require(throws: Failure.self) { try file.matrix(named: "d", rowCount: 1, columnCount: 1) }
        #expect(type.description.contains("tensor d is stored as F64"))
    }

    @Test("control characters of a tensor's name don't reach the error line")
    func controlCharacters() throws {
        let failure = try #require(throws: Failure.self) {
            try file(#"{"a\n\u001b[31m":{"dtype":"F32","shape":[1],"data_offsets":[0,3]}}"#, data: [0, 0, 0])
        }
        #expect(failure.description.contains(#"tensor a\u{a}\u{1b}[31m"#))
        #expect(!failure.description.contains("\u{1b}"))
    }
}
