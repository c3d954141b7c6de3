import Foundation
import Settings
import Tensors
import TestSupport
import Testing

@testable import Weights

@Suite struct GGUFFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ builder: GGUFBuilder) throws -> GGUFFile {
        try GGUFFile(path: try folder.write("x.gguf", builder.file))
    }

    /// All rows of the one tensor of a file, stored as `type`.
    private func decoded(_ type: UInt32, columnCount: Int, rowCount: Int = 1, _ data: [UInt8]) throws -> [Float] {
        var builder = GGUFBuilder()
        builder.tensors = [.init(name: "t", dimensions: [columnCount, rowCount], type: type, data: data)]
        let file = try open(builder)
        return file.rows(0..<rowCount, of: file.tensors[0]).values
    }

    @Test("F32, F16 and BF16 are widened exactly")
    func plainTypes() throws {
        #expect(try decoded(0, columnCount: 3, bytes([1.5, -0.0, .infinity])) == [1.5, 0, .infinity])
        // 2⁻²⁴, the smallest subnormal, and the largest number.
        let half: [UInt16] = [0x3E00, 0xC000, 0x0001, 0x7BFF]
        #expect(try decoded(1, columnCount: 4, half.flatMap { littleEndian($0) }) == [1.5, -2, 0x1p-24, 65504])
        let brain: [UInt16] = [0x3FC0, 0xC000, 0x0001]
        #expect(try decoded(30, columnCount: 3, brain.flatMap { littleEndian($0) }) == [1.5, -2, 0x1p-133])
    }

    @Test("Q8_0 is scale × signed byte")
    func eightBits() throws {
        // A scale of 0.5, bytes −16…15; then of −2, where the first byte is −128 and the last 127.
        let first: [UInt8] = [0x00, 0x38] + (0..<32).map { UInt8(bitPattern: Int8($0 - 16)) }
        let second: [UInt8] = [0x00, 0xC0, 0x80] + Array(repeating: 0, count: 30) + [0x7F]
        let values = try decoded(8, columnCount: 64, first + second)
        #expect(values[..<32] == ArraySlice((0..<32).map { Float($0 - 16) / 2 }))
        #expect(values[32...] == ArraySlice([256] + Array(repeating: 0, count: 30) + [-254]))
    }

    /// 16 bytes of two numbers each: byte i holds i in its lower half and 15 − i in its upper half.
    private let halves: [UInt8] = (0..<16).map { $0 | (15 - $0) << 4 }

    @Test("Q4_0 is scale × (half byte − 8), lower halves first")
    func fourBits() throws {
        // A scale of 3.
        let lower: [Float] = [-24, -21, -18, -15, -12, -9, -6, -3, 0, 3, 6, 9, 12, 15, 18, 21]
        #expect(try decoded(2, columnCount: 32, [0x00, 0x42] + halves) == lower + lower.reversed())
    }

    @Test("Q4_1 is scale × half byte + minimum, lower halves first")
    func fourBitsWithMinimum() throws {
        // A scale of 0.25 and a minimum of −1.
        let lower: [Float] = [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75]
        #expect(try decoded(3, columnCount: 32, [0x00, 0x34, 0x00, 0xBC] + halves) == lower + lower.reversed())
    }

    @Test("rows of several blocks are read in the order that is asked for")
    func rows() throws {
        func block(_ scale: UInt16) -> [UInt8] { littleEndian(scale) + Array(repeating: 1, count: 32) }
        var builder = GGUFBuilder()
        // Scales 1, 2 | 3, 4 | 5, 6.
        let data = [0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600].flatMap { block($0) }
        builder.tensors = [.init(name: "t", dimensions: [64, 3], type: 8, data: data)]
        let file = try open(builder)
        let rows = file.rows([2, 0], of: file.tensors[0])
        #expect([rows[0, 0], rows[0, 63], rows[1, 31], rows[1, 32]] == [5, 6, 1, 2])
        #expect(file.tensors[0].shape == [3, 64])
    }

    @Test("versions 2 and 3 are read, tensors of any order and with gaps too, at the file's alignment")
    func layouts() throws {
        for version: UInt32 in [2, 3] {
            var builder = GGUFBuilder()
            builder.version = version
            builder.alignment = 64
            builder.pairs = [("general.alignment", whole(64)), ("general.name", text("tiny\u{1b}[31m"))]
            // Data lie in the file at 0, 64 and 128, and each tensor says that another's are its own.
            builder.tensors = [
                .init(name: "a", dimensions: [2], data: bytes([1, 2]), statedOffset: 128),
                .init(name: "b", dimensions: [1, 2], data: bytes([3, 4]), statedOffset: 0),
                .init(name: "c", dimensions: [1], data: bytes([5, 6]), statedOffset: 64),
            ]
            let file = try open(builder)
            #expect(file.tensors.map(\.name) == ["a", "b", "c"])
            #expect(file.tensors.allSatisfy { $0.byteRange.lowerBound.isMultiple(of: 64) })
            #expect(file.rows(0..<1, of: file.tensors[0]).values == [5, 6])
            #expect(file.rows(0..<2, of: file.tensors[1]).values == [1, 2])
            #expect(file.rows(0..<1, of: file.tensors[2]).values == [3])
            #expect(file.title == #"tiny\u{1b}[31m"#)
            #expect(file.totalParameterCount == 5 && file.elementTypeSummary == "F32")
        }
    }

    struct Bad: CustomTestStringConvertible, Sendable {
        let says: String
        var code = ExitCode.damagedData
        /// Over a file with one key and two tensors, a and b.
        let change: @Sendable (inout GGUFBuilder) -> Void
        var testDescription: String { says }
    }

    static let bad: [Bad] = [
        Bad(says: "does not begin with the letters GGUF") { $0.magic = Array("GGML".utf8) },
        Bad(says: "Git LFS pointer") { $0.magic = Array("version https://git-lfs".utf8) },
        Bad(says: "GGUF version 0") { $0.version = 0 },
        Bad(says: "GGUF version 1, which is not implemented", code: .configuration) { $0.version = 1 },
        Bad(says: "GGUF version 4, which is not implemented", code: .configuration) { $0.version = 4 },
        Bad(says: "big-endian GGUF file (version 3)", code: .configuration) { $0.version = 0x0300_0000 },
        Bad(says: "announces \(UInt64.max) tensors") { $0.statedTensorCount = .max },
        Bad(says: "announces 1099511627776 metadata keys") { $0.statedPairCount = 1 << 40 },
        Bad(says: "announces 4611686018427387904 bytes of metadata key 0") {
            $0.tensors = []
            // The first key's length is the file's last field.
            $0.pairs = []
            $0.statedPairCount = 1
            $0.tail = littleEndian(UInt64(1) << 62) + Array(repeating: 0, count: 8)
        },
        Bad(says: "bytes of k, more than") { $0.set("k", littleEndian(UInt32(8)) + littleEndian(UInt64.max)) },
        Bad(says: "k is not UTF-8") { $0.set("k", littleEndian(UInt32(8)) + littleEndian(UInt64(2)) + [0xC3, 0x28]) },
        Bad(says: "k has value type 13") { $0.set("k", littleEndian(UInt32(13)) + [0]) },
        Bad(says: "k = 2 is neither true nor false") { $0.set("k", littleEndian(UInt32(7)) + [2]) },
        Bad(says: "announces 1152921504606846976 elements of k") {
            $0.set("k", littleEndian(UInt32(9)) + littleEndian(UInt32(0)) + littleEndian(UInt64(1) << 60))
        },
        Bad(says: "k has value type 99") { $0.set("k", littleEndian(UInt32(9)) + littleEndian(UInt32(99))) },
        Bad(says: "k is a list of lists", code: .configuration) {
            $0.set("k", littleEndian(UInt32(9)) + littleEndian(UInt32(9)) + littleEndian(UInt64(0)))
        },
        Bad(says: "metadata key k occurs twice") { $0.pairs.append(("k", whole(2))) },
        Bad(says: "general.alignment = 0 is not a power of two") { $0.set("general.alignment", whole(0)) },
        Bad(says: "general.alignment = 48 is not a power of two") { $0.set("general.alignment", whole(48)) },
        Bad(says: "general.alignment = \"32\" is not a power of two") { $0.set("general.alignment", text("32")) },
        Bad(says: "tensor a has 0 dimensions") { $0.tensors[0].dimensions = [] },
        Bad(says: "tensor a has 5 dimensions") { $0.tensors[0].dimensions = [1, 1, 1, 1, 1] },
        Bad(says: "tensor a has a dimension of 0") { $0.tensors[0].dimensions = [0] },
        Bad(says: "tensor a has a dimension of 4294967296") { $0.tensors[0].dimensions = [1 << 32] },
        Bad(says: "tensor a is larger than any memory") { $0.tensors[0].dimensions = Array(repeating: 1 << 30, count: 3) },
        Bad(says: "tensor a is stored as type 31, which is not known", code: .configuration) { $0.tensors[0].type = 31 },
        Bad(says: "tensor a has rows of 4, but Q4_K comes in blocks of 256") { $0.tensors[0].type = 12 },
        Bad(says: "tensor a begins at byte 4 of the data, not a multiple of the alignment") { $0.tensors[0].statedOffset = 4 },
        Bad(says: "tensor b takes 16 bytes from byte 64 of the data, but the file has 48") { $0.tensors[1].statedOffset = 64 },
        Bad(says: "from byte 18446744073709551584") { $0.tensors[1].statedOffset = .max - 31 },
        Bad(says: "tensor a takes 64 bytes") { $0.tensors[0].dimensions = [4, 4] },
        Bad(says: "tensors a and b overlap") { $0.tensors[1].statedOffset = 0 },
        Bad(says: "tensor a occurs twice") { $0.tensors[1].name = "a" },
        Bad(says: #"tensor a\u{a}\u{1b}[31m has 0 dimensions"#) {
            $0.tensors[0].name = "a\n\u{1b}[31m"
            $0.tensors[0].dimensions = []
        },
    ]

    @Test("a wrong header is refused in one line that names file and fault", arguments: bad)
    func badHeader(bad: Bad) throws {
        var builder = GGUFBuilder()
        builder.pairs = [("k", whole(1))]
        builder.tensors = ["a", "b"].map { .init(name: $0, dimensions: [4], data: bytes([1, 2, 3, 4])) }
        #expect(throws: Never.self) { try open(builder) }
        bad.change(&builder)
        let failure = try #require(throws: Failure.self) { try open(builder) }
        #expect(failure.description.contains(bad.says), "\(failure)")
        #expect(failure.exitCode == bad.code)
        #expect(failure.place.hasSuffix("x.gguf"))
        #expect(!failure.description.contains("\n") && !failure.description.contains("\u{1b}"))
    }

    @Test("a missing and an empty file have their own exit codes")
    func missing() throws {
        #expect(try #require(throws: Failure.self) { try GGUFFile(path: folder.path + "/none.gguf") }.exitCode == .missingInput)
        let empty = try folder.write("empty.gguf", [])
        #expect(try #require(throws: Failure.self) { try GGUFFile(path: empty) }.exitCode == .damagedData)
    }
}
