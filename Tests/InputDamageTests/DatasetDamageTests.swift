import Datasets
import Foundation
import Settings
import TestSupport
import Testing

@Suite("Damaged datasets") struct DatasetDamageTests {
    /// Everything that a run can read of a dataset.
    private struct Content: Equatable {
        var kind: DatasetKind
        var tokenRange: ClosedRange<Int32>
        var identity: String?
        var pairs: [DatasetRecord] = []
        var texts: [DatasetRecord] = []
    }

    private let folder = TemporaryFolder()

    @Test(
        "a dataset with a flipped bit or cut anywhere is refused, or read to the same records",
        arguments: [(DatasetKind.preference, 3), (.text, 3), (.preference, 2_000), (.text, 2_000)])
    func detected(kind: DatasetKind, recordCount: Int) throws {
        let path = folder.file("data.h5")
        try write(kind, recordCount, to: path)
        let intact = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let content = try read(path)
        #expect(content.pairs.count + content.texts.count == recordCount)
        let damages = Damage.random(of: intact, seed: UInt64(recordCount))
        let outcomes = try Outcomes.of(damages, to: intact, intact: content) { bytes in
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return try read(path)
        }
        #expect(outcomes.wrong == [])
        // Unused bytes are few: what a file has is mostly its chunks and their index.
        #expect(outcomes.refused > damages.count / 4, "\(outcomes.harmless) were harmless")
    }

    private func write(_ kind: DatasetKind, _ recordCount: Int, to path: String) throws {
        let writer = try DatasetWriter(path: path, kind: kind)
        for index in 0..<Int32(recordCount) {
            let ids = (0..<(4 + index % 9)).map { ($0 &* 31 &+ index) % 500 }
            switch kind {
            case .preference:
                try writer.append(DatasetRecord(prompt: ids, chosen: Array(ids.reversed()), rejected: [index % 500]))
            case .text: try writer.append(DatasetRecord(tokens: ids, lossMask: ids.map { $0 % 3 != index % 3 }))
            }
        }
        try writer.commit()
    }

    private func read(_ path: String) throws -> Content {
        let file = try DatasetFile(path: path)
        try file.verify()
        var content = Content(kind: file.kind, tokenRange: file.tokenRange, identity: file.tokenizer?.digits)
        for record in 0..<file.recordCount {
            switch file.kind {
            case .preference: content.pairs.append(try file.record(record))
            case .text: content.texts.append(try file.record(record))
            }
        }
        return content
    }
}
