import Foundation
import HDF5
import TestSupport
import Testing

/// The overlay itself: what is written comes back to the bit, and what is not as it was written is refused.
@Suite("HDF5 files", .serialized) struct HDF5Tests {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("file.h5") }

    /// Writes one dataset in the given pieces.
    private func write<Element: HDF5Scalar>(_ pieces: [[Element]], chunk: Int, to path: String, named name: String = "values") throws {
        let file = try HDF5File(creating: path)
        var dataset = try HDF5Dataset<Element>(creating: name, in: file, chunk: chunk)
        for piece in pieces { try dataset.append(piece) }
        #expect(dataset.count == pieces.map(\.count).reduce(0, +))
        try dataset.close()
        try file.close()
    }

    private func byteCount(_ path: String) throws -> Int { try Data(contentsOf: URL(fileURLWithPath: path)).count }

    /// Reads a part of a dataset, or all of it.
    private func read<Element: HDF5Scalar>(
        _: Element.Type, _ range: Range<Int>? = nil, from path: String, named name: String = "values", fileByteCount: Int? = nil
    ) throws -> [Element] {
        let file = try HDF5File(opening: path)
        let dataset = try HDF5Dataset<Element>(opening: name, in: file, fileByteCount: fileByteCount ?? byteCount(path))
        #expect(dataset.name == name)
        return try dataset.read(range ?? 0..<dataset.count)
    }

    private func failure(_ body: () throws -> Void) throws -> HDF5Error {
        try #require(throws: HDF5Error.self, performing: body)
    }

    // MARK: Round trips

    @Test("values of every type come back to the bit, appended in pieces that fit no chunk")
    func roundTrips() throws {
        func check<Element: HDF5Scalar & Equatable>(_ values: [Element]) throws {
            let path = folder.file("\(Element.self).h5")
            // Chunks of 4: pieces end inside of one, at its end, and behind several.
            try write([Array(values[..<3]), [], Array(values[3..<4]), Array(values[4...])], chunk: 4, to: path)
            #expect(try read(Element.self, from: path) == values)
            #expect(try read(Element.self, 3..<9, from: path) == Array(values[3..<9]))
            #expect(try read(Element.self, 5..<5, from: path).isEmpty)
        }
        try check([Int32.min, -1, 0, 1, Int32.max, 6, 7, 8, 9, 10])
        try check([Int64.min, -1, 0, 1, Int64.max, 6, 7, 8, 9, 10])
        try check([UInt8.min, 1, 127, 128, UInt8.max, 6, 7, 8, 9, 10])
        try check([Float.leastNonzeroMagnitude, -.greatestFiniteMagnitude, 0.1, .infinity, 5, 6, 7, 8, 9, 10])
        try check([Double.leastNonzeroMagnitude, -.greatestFiniteMagnitude, 0.1, .infinity, 5, 6, 7, 8, 9, 10])
    }

    @Test("a NaN's payload and the sign of zero come back")
    func specialBits() throws {
        let values = [Float(bitPattern: 0x7FC0_1234), Float(bitPattern: 0x8000_0000)]
        try write([values], chunk: 8, to: path)
        #expect(try read(Float.self, from: path).map(\.bitPattern) == [0x7FC0_1234, 0x8000_0000])
    }

    @Test("numbers and texts of attributes come back, also those outside ASCII")
    func attributes() throws {
        let created = try HDF5File(creating: path)
        try created.write(Int64.min, attribute: "number")
        try created.write("Häuser 家 🏠", attribute: "text")
        try created.write("", attribute: "empty")
        try created.close()
        let file = try HDF5File(opening: path)
        let (number, text, empty) = try (file.integer(attribute: "number"), file.string(attribute: "text"), file.string(attribute: "empty"))
        #expect(number == Int64.min && text == "Häuser 家 🏠" && empty == "")
        let (isThere, isMissing) = try (file.contains(attribute: "text"), file.contains(attribute: "words"))
        #expect(isThere && !isMissing)
    }

    @Test("the same values give the same bytes: no time, no padding of memory")
    func reproducible() throws {
        for name in ["one", "two"] {
            try write([Array(0..<100).map(Int32.init)], chunk: 16, to: folder.file(name))
            // Times are stored to the second.
            if name == "one" { Thread.sleep(forTimeInterval: 1.1) }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("one"))) == Data(contentsOf: URL(fileURLWithPath: folder.file("two"))))
    }

    // MARK: Damage

    @Test("a flipped bit in a chunk is an error when that chunk is read, and only then")
    func flippedBit() throws {
        // Two chunks of four; 0x5A5A5A5A stands nowhere else in the file.
        let values: [Int32] = [1, 2, 3, 4, 0x5A5A_5A5A, 6, 7, 8]
        try write([values], chunk: 4, to: path)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let place = try #require(bytes.range(of: Data([0x5A, 0x5A, 0x5A, 0x5A]))).lowerBound
        bytes[place] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(try read(Int32.self, 0..<4, from: path) == [1, 2, 3, 4])
        let failure = try failure { _ = try read(Int32.self, 5..<6, from: path) }
        #expect(failure.operation == "reading 'values' at 5" && !failure.detail.isEmpty)
    }

    @Test("every flipped byte of the file's first 48, its superblock, is refused when it is opened")
    func flippedSuperblock() throws {
        try write([[1, 2, 3] as [Int32]], chunk: 4, to: path)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for place in 0..<48 {
            var damaged = bytes
            damaged[place] ^= 0x10
            try damaged.write(to: URL(fileURLWithPath: path))
            let failure = try failure { _ = try HDF5File(opening: path).contains("values") }
            #expect(failure.operation == "opening the file", "byte \(place)")
        }
    }

    @Test("a file that was cut is refused when it is opened")
    func cut() throws {
        try write([[1, 2, 3] as [Int32]], chunk: 4, to: path)
        try Data(contentsOf: URL(fileURLWithPath: path)).dropLast().write(to: URL(fileURLWithPath: path))
        #expect(try failure { _ = try HDF5File(opening: path).contains("values") }.operation == "opening the file")
    }

    // MARK: Names

    @Test("a missing file is told in the system's words, a missing dataset or attribute by its name")
    func missing() throws {
        let file = try failure { _ = try HDF5File(opening: folder.file("none")).contains("values") }
        #expect(file.description == "opening the file: No such file or directory")
        try write([[1] as [Int32]], chunk: 4, to: path)
        let opened = try HDF5File(opening: path)
        let (isThere, isMissing) = try (opened.contains("values"), opened.contains("labels"))
        #expect(isThere && !isMissing)
        let dataset = try failure { _ = try read(Int32.self, from: path, named: "labels") }
        #expect(dataset.operation == "looking for 'labels'")
        let attribute = try failure { _ = try HDF5File(opening: path).integer(attribute: "kind") }
        #expect(attribute.operation == "reading attribute 'kind'")
    }

    @Test("a file that is there is not written over, nor a dataset that the file has")
    func existing() throws {
        try write([[1] as [Int32]], chunk: 4, to: path)
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(try failure { try write([[2] as [Int32]], chunk: 4, to: path) }.operation == "creating the file")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        let twice = try failure {
            let file = try HDF5File(creating: folder.file("twice"))
            _ = try HDF5Dataset<Int32>(creating: "values", in: file, chunk: 4).count
            _ = try HDF5Dataset<Int32>(creating: "values", in: file, chunk: 4).count
        }
        #expect(twice.operation == "creating 'values'")
    }

    // MARK: Types and sizes

    @Test("a dataset is opened as the type that it has, or refused: nothing is converted")
    func wrongElement() throws {
        try write([[1, 2] as [Int32]], chunk: 4, to: path)
        #expect(try failure { _ = try read(Float.self, from: path) }.description == "opening 'values': its elements are not Float")
        #expect(try failure { _ = try read(Int64.self, from: path) }.description == "opening 'values': its elements are not Int64")
        #expect(try failure { _ = try read(UInt8.self, from: path) }.description == "opening 'values': its elements are not UInt8")
    }

    @Test("an attribute of another type is refused: a text is no number, a number no text, a long text no short one")
    func wrongAttribute() throws {
        let created = try HDF5File(creating: path)
        try created.write(7, attribute: "number")
        try created.write("7", attribute: "text")
        // With its final zero one byte too many.
        try created.write(String(repeating: "x", count: 4096), attribute: "long")
        try created.write(String(repeating: "x", count: 4095), attribute: "longest")
        try created.close()
        let file = try HDF5File(opening: path)
        let longest = try file.string(attribute: "longest")
        #expect(longest.count == 4095)
        for (name, expected) in [("text", "it is not a whole number"), ("number", "it is not a short text of fixed length")] {
            let failure = try failure {
                let file = try HDF5File(opening: path)
                if name == "text" { _ = try file.integer(attribute: name) } else { _ = try file.string(attribute: name) }
            }
            #expect(failure.operation == "reading attribute '\(name)'" && failure.detail == expected)
        }
        let long = try failure { _ = try HDF5File(opening: path).string(attribute: "long") }
        #expect(long.detail == "it is not a short text of fixed length")
    }

    @Test("a dataset that claims more elements than the file has bytes for is refused")
    func tooManyElements() throws {
        try write([Array(repeating: 7, count: 10) as [Int32]], chunk: 4, to: path)
        // 40 bytes hold ten elements of four; 39 do not.
        #expect(try read(Int32.self, from: path, fileByteCount: 40).count == 10)
        let failure = try failure { _ = try read(Int32.self, from: path, fileByteCount: 39) }
        #expect(failure.description == "opening 'values': it claims 10 elements, more than the file can hold")
    }

    @Test("the library tells its version")
    func version() {
        #expect(hdf5Version.wholeMatch(of: /\d+\.\d+\.\d+/) != nil)
    }
}
