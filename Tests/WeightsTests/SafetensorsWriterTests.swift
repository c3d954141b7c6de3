import Foundation
import Settings
import Tensors
import TestSupport
import Testing

@testable import Weights

@Suite struct SafetensorsWriterTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("what is written in chunks, views and both types reads back equal, with aligned data")
    func roundTrip() throws {
        let path = folder.path + "/x.safetensors"
        let large = Matrix(rowCount: 1000, columnCount: 301)
        for row in 0..<1000 { for column in 0..<301 { large[row, column] = Float(row * 301 + column) } }
        var writer = try SafetensorsWriter(
            path: path,
            tensors: [
                .init(name: "half", elementType: .bfloat16, shape: [3]),
                .init(name: "none", elementType: .float32, shape: [0, 7]),
                .init(name: "large", elementType: .float32, shape: [1000, 300]),
                .init(name: "scalar", elementType: .float32, shape: []),
            ], metadata: ["format": "pt"])
        try writer.append(Matrix(rowCount: 1, columnCount: 3, values: [1, -2.5, 0x1p-133]), to: "half")
        // A view whose rows are further apart than they are long.
        let view = large.columns(1..<301)
        try writer.append(view.rows(0..<1), to: "large")
        try writer.append(view.rows(1..<990), to: "large")
        try writer.append(view.rows(990..<1000), to: "large")
        try writer.append(Matrix(rowCount: 1, columnCount: 1, values: [.nan]), to: "scalar")
        try writer.finish()

        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["format": "pt"])
        #expect(file.tensors.map(\.name) == ["half", "none", "large", "scalar"])
        #expect(try file.matrix(named: "half", rowCount: 1, columnCount: 3).widened == [1, -2.5, 0x1p-133])
        #expect(try file.matrix(named: "large", rowCount: 1000, columnCount: 300).widened == view.values)
        let content = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = content.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(length % 8 == 0 && content[8] == UInt8(ascii: "{"))
        #expect(content.suffix(4) == Data(littleEndian(Float.nan.bitPattern)))
    }

    @Test(
        "bfloat16 is rounded to the nearest, ties to even",
        arguments: [
            (0x3F80_0000, 0x3F80),  // 1 exactly
            (0x3F80_7FFF, 0x3F80),  // just below half a unit
            (0x3F80_8000, 0x3F80),  // a tie above an even one: down
            (0x3F80_8001, 0x3F81),  // just above half a unit
            (0x3F81_8000, 0x3F82),  // a tie above an odd one: up
            (0xBF81_8000, 0xBF82),  // the same below zero
            (0x3FFF_FFFF, 0x4000),  // carries into the exponent
            (0x0000_0001, 0x0000),  // the smallest subnormal
            (0x0000_8001, 0x0001),  // a subnormal that stays one
            (0x8000_0000, 0x8000),  // minus zero
            (0x7F7F_7FFF, 0x7F7F),  // the largest that stays finite
            (0x7F7F_FFFF, 0x7F80),  // the largest float becomes infinite
            (0xFF7F_FFFF, 0xFF80),
            (0x7F80_0000, 0x7F80),  // infinity
            (0xFF80_0000, 0xFF80),
            (0x7FC0_0000, 0x7FC0),  // NaN
            (0x7F80_0001, 0x7FC0),  // a NaN whose payload lies in the bits that are cut: still NaN, not infinity
            (0xFFFF_FFFF, 0xFFFF),  // a NaN that must not wrap to zero
        ] as [(UInt32, UInt16)])
    func rounding(float: UInt32, expected: UInt16) {
        #expect(bfloat16Bits(Float(bitPattern: float)) == expected)
    }

    @Test("a full disk is an input/output error that names the file")
    func fullDisk() throws {
        // 4 MB, more than any buffer.
        let failure = try #require(throws: Failure.self) {
            var writer = try SafetensorsWriter(
                path: "/dev/full", tensors: [.init(name: "a", elementType: .float32, shape: [1 << 20])])
            try writer.append(Matrix(rowCount: 1, columnCount: 1 << 20), to: "a")
        }
        #expect(failure.exitCode == .inputOutput && failure.place == "/dev/full")
        let late = try #require(throws: Failure.self) {
            var writer = try SafetensorsWriter(path: "/dev/full", tensors: [])
            try writer.finish()
        }
        #expect(late.exitCode == .inputOutput)
    }

    @Test("a file that can't be created is an input/output error")
    func noFolder() throws {
        let failure = try #require(throws: Failure.self) {
            _ = try SafetensorsWriter(path: folder.path + "/none/x.safetensors", tensors: [])
        }
        #expect(failure.exitCode == .inputOutput)
    }

    @Test("finishing before every row is there is a broken promise")
    func incomplete() async {
        await #expect(processExitsWith: .failure) {
            var writer = try SafetensorsWriter(
                path: "/dev/null", tensors: [.init(name: "a", elementType: .float32, shape: [2, 1])])
            try writer.append(Matrix(rowCount: 1, columnCount: 1), to: "a")
            try writer.finish()
        }
    }

    @Test("rows of a tensor whose turn it is not are a broken promise")
    func order() async {
        await #expect(processExitsWith: .failure) {
            var writer = try SafetensorsWriter(
                path: "/dev/null",
                tensors: [
                    .init(name: "a", elementType: .float32, shape: [1]),
                    .init(name: "b", elementType: .float32, shape: [1]),
                ])
            try writer.append(Matrix(rowCount: 1, columnCount: 1), to: "b")
        }
    }
}
