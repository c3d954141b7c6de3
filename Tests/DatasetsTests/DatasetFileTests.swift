import Foundation
import HDF5
import Settings
import Testing

@testable import Datasets

@Suite struct DatasetFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("pairs come back as they were written, in any order of reading")
    func preferenceRoundTrip() throws {
        let pairs = samplePairs(50)
        let file = try writePairs(pairs, to: folder.file("pairs.h5"))
        #expect(file.kind == .preference)
        #expect(file.recordCount == 50)
        for index in (0..<50).reversed() { #expect(try file.record(index) == pairs[index]) }
        #expect(file.tokenRange == 1000...(50_000 + 601))
        #expect(file.tokenCount == pairs.reduce(0) { $0 + $1.prompt.count + $1.chosen.count + $1.rejected.count })
        // Record 6: prompt 4, chosen 8, rejected 3.
        #expect(file.tokenCount(of: 6) == 15)
        #expect(file.sequenceTokenCount(of: 6) == 19)
        #expect(file.positionCount(of: 6) == 12)
        #expect(try folder.names == ["pairs.h5"])
    }

    @Test("records that span many chunks come back as they were written")
    func longRecords() throws {
        let long = DatasetFormat.tokenChunk * 2 + 17
        let texts = (0..<5).map { index in
            DatasetRecord(tokens: (0..<Int32(long + index)).map { ($0 &* 7 + Int32(index)) % 50_000 })
        }
        let path = folder.file("text.h5")
        let writer = try DatasetWriter(path: path, kind: .text)
        for text in texts { try writer.append(text) }
        try writer.commit()
        let file = try DatasetFile(path: path)
        #expect(file.hasLossMasks == false)
        for index in 0..<5 { #expect(try file.record(index) == texts[index]) }
        #expect(file.sequenceTokenCount(of: 3) == long + 3)
        try file.verify()
    }

    @Test("a loss mask that first appears late leaves every token of the earlier and later texts counted")
    func lateLossMask() throws {
        let path = folder.file("text.h5")
        let writer = try DatasetWriter(path: path, kind: .text)
        let plain = DatasetRecord(tokens: [Int32](repeating: 3, count: DatasetFormat.tokenChunk + 5))
        let masked = DatasetRecord(tokens: [5, 6, 7, 8], lossMask: [false, false, true, false])
        for record in [plain, masked, plain] { try writer.append(record) }
        try writer.commit()
        let file = try DatasetFile(path: path)
        #expect(try file.record(0).lossMask == [Bool](repeating: true, count: DatasetFormat.tokenChunk + 5))
        #expect(try file.record(1) == masked)
        #expect(try file.record(2).lossMask == [Bool](repeating: true, count: DatasetFormat.tokenChunk + 5))
    }

    @Test("the same records give the same bytes, whenever they are written")
    func sameBytes() async throws {
        try writePairs(samplePairs(20), to: folder.file("one.h5"))
        // Time stamps of HDF5 are in seconds.
        try await Task.sleep(for: .milliseconds(1100))
        try writePairs(samplePairs(20), to: folder.file("two.h5"))
        #expect(try bytes(of: folder.file("one.h5")) == bytes(of: folder.file("two.h5")))
    }

    @Test("the file has the format whose metadata carries checksums")
    func formatWithChecksums() throws {
        try writePairs(samplePairs(2), to: folder.file("pairs.h5"))
        // The superblock's version follows the signature of 8 bytes; from 2 on it ends with a checksum.
        #expect(try bytes(of: folder.file("pairs.h5"))[8] >= 2)
    }

    @Test("a writer that is dropped, or has no record, leaves an earlier file as it was and no temporary")
    func nothingHalfWritten() throws {
        let path = folder.file("pairs.h5")
        try writePairs(samplePairs(3), to: path)
        let before = try bytes(of: path)
        do {
            let writer = try DatasetWriter(path: path, kind: .preference)
            for pair in samplePairs(2000) { try writer.append(pair) }
            #expect(try folder.names.count == 2)
        }
        #expect(try folder.names == ["pairs.h5"])
        do {
            let empty = try DatasetWriter(path: path, kind: .text)
            #expect(try failure { () throws(Failure) in try empty.commit() }.exitCode == .damagedData)
        }
        #expect(try folder.names == ["pairs.h5"])
        #expect(try bytes(of: path) == before)
        try writePairs(samplePairs(4), to: path)
        #expect(try DatasetFile(path: path).recordCount == 4)
    }

    @Test("a writer removes what killed writers of its file left, and nothing else")
    func leftovers() throws {
        let path = folder.file("pairs.h5")
        let left = "pairs.h5.partial-4711-c0ffee"
        let others = ["pairs.h5.partial-mine", "pairs.h5.partial-", "pairs-validation.h5.partial-4711-c0ffee", "pairs.h5.partial-1-2.txt"]
        for name in others + [left] { try folder.write("rest", to: name) }
        let writer = try DatasetWriter(path: path, kind: .preference)
        for pair in samplePairs(3) { try writer.append(pair) }
        #expect(try !folder.names.contains(left))
        #expect(try Set(folder.names).isSuperset(of: others) && folder.names.count == others.count + 1)
        // The first writer still has its own file.
        try writePairs(samplePairs(2), to: path)
        try writer.commit()
        #expect(try DatasetFile(path: path).recordCount == 3)
        #expect(try folder.names == (others + ["pairs.h5"]).sorted())
    }

    @Test("a token id that the model has not is named with its record")
    func tokenOutOfVocabulary() throws {
        var pairs = samplePairs(9)
        pairs[5].rejected[0] = 77_777
        let file = try writePairs(pairs, to: folder.file("pairs.h5"))
        try file.checkTokens(below: 77_778, model: "tiny")
        let failure = try failure { () throws(Failure) in try file.checkTokens(below: 77_777, model: "tiny") }
        #expect(failure.exitCode == .damagedData)
        #expect(failure.place == "\(file.path): record 5")
        #expect(failure.reason.contains("77777") && failure.reason.contains("tiny"))
        #expect(!failure.description.contains("\n"))
    }

    @Test("reading 64 records of a large file costs less than reading the whole file once")
    func quickReads() throws {
        let path = folder.file("text.h5")
        let writer = try DatasetWriter(path: path, kind: .text)
        for index in 0..<2000 { try writer.append(DatasetRecord(tokens: [Int32](repeating: Int32(index), count: 700))) }
        try writer.commit()
        let file = try DatasetFile(path: path)
        let begin = ContinuousClock.now
        try file.verify()
        let middle = ContinuousClock.now
        for index in 0..<64 { #expect(try file.record((index * 997) % 2000).tokens.count == 700) }
        // Relative, so that a busy machine does not matter: measured at a hundredth of the whole.
        let records = middle.duration(to: .now)
        #expect(records < begin.duration(to: middle))
    }
}

@Suite struct DamagedDatasetTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("damaged.h5")
    }

    private func openFailure() throws -> Failure { try failure { () throws(Failure) in try DatasetFile(path: path) } }

    @Test("a missing file is missing input, a folder, an empty file and garbage are damaged data")
    func noDataset() throws {
        let missing = try openFailure()
        #expect(missing.exitCode == .missingInput && missing.place == path)
        for data in [Data(), Data("not HDF5\n".utf8), Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })] {
            try folder.write(data, to: "damaged.h5")
            let damaged = try openFailure()
            #expect(damaged.exitCode == .damagedData && damaged.place == path)
            #expect(!damaged.description.contains("\n"))
        }
        let folderFailure = try failure { () throws(Failure) in try DatasetFile(path: folder.path) }
        #expect(folderFailure.exitCode == .damagedData)
    }

    @Test("a file cut short anywhere is refused as damaged")
    func truncated() throws {
        let whole = folder.file("whole.h5")
        try writePairs(samplePairs(40), to: whole)
        let data = try bytes(of: whole)
        let cuts = Set(stride(from: 0, to: data.count, by: 211)).union(0..<800)
            .union((data.count - 300)..<data.count)
        for cut in cuts.sorted() {
            try folder.write(data.prefix(cut), to: "damaged.h5")
            let failure = try openFailure()
            #expect(failure.exitCode == .damagedData, "cut at \(cut)")
            #expect(failure.place == path, "cut at \(cut)")
        }
    }

    @Test("a flipped byte anywhere is refused, or changes nothing; in the tokens it is always refused")
    func flipped() throws {
        let pairs = samplePairs(40)
        try writePairs(pairs, to: path)
        let data = try bytes(of: path)
        // The first prompt's ids as they are stored tell where the chunk of tokens lies.
        let pattern = pairs[0].prompt.withUnsafeBytes { Data($0) }
        let tokens = try #require(data.range(of: pattern)).lowerBound
        let chunk = tokens..<(tokens + 4 * DatasetFormat.tokenChunk)
        let tokenByteCount = 4 * pairs.reduce(0) { $0 + $1.prompt.count + $1.chosen.count + $1.rejected.count }
        let positions = Set(stride(from: 0, to: data.count, by: 151))
            .union(stride(from: tokens, to: tokens + tokenByteCount, by: 7))
            .union(data.indices.prefix(600))
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        for position in positions.sorted() {
            let mask: UInt8 = [0x01, 0x80, 0xFF, 0x10][position % 4]
            try overwrite(handle, position, data[position] ^ mask)
            let readable = readsAsWritten(pairs)
            #expect(readable != false, "a wrong value came out of a flip at \(position)")
            if chunk.contains(position) { #expect(readable == nil, "a flip at \(position) was not noticed") }
            try overwrite(handle, position, data[position])
        }
        #expect(readsAsWritten(pairs) == true)
    }

    private func overwrite(_ handle: FileHandle, _ position: Int, _ byte: UInt8) throws {
        try handle.seek(toOffset: UInt64(position))
        try handle.write(contentsOf: Data([byte]))
    }

    /// True: all records are as written; false: some are not; nil: refused as damaged.
    private func readsAsWritten(_ pairs: [DatasetRecord]) -> Bool? {
        do throws(Failure) {
            let file = try DatasetFile(path: path)
            guard file.recordCount == pairs.count, file.kind == .preference else { return false }
            for index in pairs.indices where try file.record(index) != pairs[index] { return false }
            return true
        } catch {
            return error.exitCode == .damagedData ? nil : false
        }
    }

    /// A file of the same layout, with each thing that can be wrong.
    private func writeRaw(
        version: Int64 = 1, kind: String = "preference", count: Int64 = 2, minimum: Int64 = 1, maximum: Int64 = 9,
        tokens: [Int32] = [1, 2, 3, 4, 5, 6, 9], offsets: [Int64] = [0, 1, 2, 3, 5, 6, 7], mask: [UInt8]? = nil,
        tokenizer: String? = nil
    ) throws {
        try? FileManager.default.removeItem(atPath: path)
        let file = try HDF5File(creating: path)
        try file.write(version, attribute: "format_version")
        try file.write(kind, attribute: "kind")
        try file.write(count, attribute: "record_count")
        try file.write(minimum, attribute: "minimum_token")
        try file.write(maximum, attribute: "maximum_token")
        if let tokenizer { try file.write(tokenizer, attribute: "tokenizer") }
        var stored = try HDF5Dataset<Int32>(creating: "tokens", in: file, chunk: 8)
        try stored.append(tokens)
        var storedOffsets = try HDF5Dataset<Int64>(creating: "offsets", in: file, chunk: 8)
        try storedOffsets.append(offsets)
        if let mask {
            var storedMask = try HDF5Dataset<UInt8>(creating: "loss_mask", in: file, chunk: 8)
            try storedMask.append(mask)
        }
    }

    @Test("the layout that the tests write by hand is read")
    func handWritten() throws {
        try writeRaw()
        let file = try DatasetFile(path: path)
        #expect(try file.record(1) == DatasetRecord(prompt: [4, 5], chosen: [6], rejected: [9]))
        try file.verify()
        try writeRaw(kind: "text", offsets: [0, 3, 7], mask: [0, 1, 1, 0, 0, 0, 1])
        #expect(
            try DatasetFile(path: path).record(1)
                == DatasetRecord(tokens: [4, 5, 6, 9], lossMask: [false, false, false, true]))
    }

    @Test("a file without a tokenizer's identity is read as one that has none, and an identity that is no digest is refused")
    func tokenizerIdentity() throws {
        try writeRaw()
        #expect(try DatasetFile(path: path).tokenizer == nil)
        let digits = String(repeating: "09af", count: 16)
        try writeRaw(tokenizer: digits)
        #expect(try DatasetFile(path: path).tokenizer?.digits == digits)
        for damaged in ["", String(digits.dropLast()), digits + "0", digits.uppercased(), "x" + digits.dropFirst()] {
            try writeRaw(tokenizer: damaged)
            let failure = try openFailure()
            #expect(failure.exitCode == .damagedData && failure.reason.contains("tokenizer"), "\(damaged)")
        }
    }

    @Test("a newer format version and an unknown kind are refused by name")
    func newerVersion() throws {
        try writeRaw(version: 2)
        let newer = try openFailure()
        #expect(newer.exitCode == .damagedData && newer.reason.contains("format_version 2"))
        try writeRaw(kind: "chat")
        let other = try openFailure()
        #expect(other.exitCode == .damagedData && other.reason.contains("'chat'"))
    }

    @Test("offsets, counts and masks that contradict each other are refused")
    func contradictions() throws {
        func expectRefused(_ what: String, _ write: () throws -> Void) throws {
            try write()
            let failure = try openFailure()
            #expect(failure.exitCode == .damagedData && failure.place == path, "\(what)")
            #expect(failure.reason.contains(what), "\(failure)")
        }
        try expectRefused("record_count 3") { try writeRaw(count: 3) }
        try expectRefused("record_count 2 does not go with 6 offsets") { try writeRaw(offsets: [0, 1, 2, 3, 5, 7]) }
        try expectRefused("no records") { try writeRaw(count: 0, offsets: [0]) }
        try expectRefused("do not span") { try writeRaw(offsets: [0, 1, 2, 3, 5, 6, 8]) }
        try expectRefused("do not span") { try writeRaw(offsets: [1, 1, 2, 3, 5, 6, 7]) }
        try expectRefused("record 1 has a chosen completion of 0") { try writeRaw(offsets: [0, 1, 2, 3, 5, 5, 7]) }
        try expectRefused("record 0 has a rejected completion of -1") { try writeRaw(offsets: [0, 1, 4, 3, 5, 6, 7]) }
        try expectRefused("record 0") { try writeRaw(offsets: [0, .max, .min, 3, 5, 6, 7]) }
        try expectRefused("record 1 has a text of 1") { try writeRaw(kind: "text", offsets: [0, 6, 7]) }
        try expectRefused("6 entries for 7") {
            try writeRaw(kind: "text", offsets: [0, 3, 7], mask: [1, 1, 1, 1, 1, 1])
        }
        try expectRefused("loss_mask") { try writeRaw(mask: [1, 1, 1, 1, 1, 1, 1]) }
        try expectRefused("token ids from -1") { try writeRaw(minimum: -1) }
        try expectRefused("token ids from 1 to 2147483648") { try writeRaw(maximum: 1 << 31) }
    }

    @Test("a dataset or attribute of another type, or none, is refused")
    func otherTypes() throws {
        try? FileManager.default.removeItem(atPath: path)
        do {
            let file = try HDF5File(creating: path)
            try file.write("1", attribute: "format_version")
        }
        #expect(try openFailure().exitCode == .damagedData)
        try FileManager.default.removeItem(atPath: path)
        do {
            let file = try HDF5File(creating: path)
            for name in ["format_version", "record_count", "minimum_token", "maximum_token"] {
                try file.write(1, attribute: name)
            }
            try file.write("text", attribute: "kind")
            var tokens = try HDF5Dataset<Int64>(creating: "tokens", in: file, chunk: 8)
            try tokens.append([1, 1])
            var offsets = try HDF5Dataset<Int64>(creating: "offsets", in: file, chunk: 8)
            try offsets.append([0, 2])
        }
        let failure = try openFailure()
        #expect(failure.exitCode == .damagedData && failure.reason.contains("'tokens'"))
    }

    @Test("an id outside of the header's range never comes out, and the header's range must be the tokens' own")
    func dishonestHeader() throws {
        try writeRaw(maximum: 8)
        let narrow = try DatasetFile(path: path)
        #expect(try narrow.record(0).prompt == [1])
        let failure = try failure { () throws(Failure) in try narrow.record(1) }
        #expect(failure.exitCode == .damagedData)
        try writeRaw(maximum: 10)
        let wide = try DatasetFile(path: path)
        #expect(throws: Failure.self) { try wide.verify() }
        #expect(throws: Failure.self) { try wide.checkTokens(below: 10, model: "tiny") }
    }

    @Test("a mask value that is neither 0 nor 1 is refused when it is read")
    func badMask() throws {
        try writeRaw(kind: "text", offsets: [0, 3, 7], mask: [0, 1, 2, 0, 0, 0, 1])
        let file = try DatasetFile(path: path)
        #expect(throws: Failure.self) { try file.record(0) }
        #expect(try file.record(1).tokens == [4, 5, 6, 9])
    }
}
