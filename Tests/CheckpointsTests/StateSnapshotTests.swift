import Settings
import Tensors
import Testing

@testable import Checkpoints

@Suite("A snapshot of the state")
struct StateSnapshotTests {
    /// Three pieces and a rest, in runs that begin and end inside them.
    private static let ranges = [5..<1_000_000, 1_000_016..<3_500_001]
    private static let expected = ranges.flatMap { $0.map(Float.init) }

    private func block() -> Matrix {
        let block = Matrix(rowCount: 1, columnCount: 3_500_016)
        for index in 0..<block.elementCount { block.pointer[index] = Float(index) }
        return block
    }

    @Test("what is read before and after it is detached is what was there when it was made", arguments: 0...4)
    func detached(piecesBefore: Int) {
        let block = block()
        let snapshot = StateSnapshot([SavedNumbers("values", of: block, ranges: Self.ranges)])
        var read: [Float] = []
        let buffer = UnsafeMutablePointer<Float>.allocate(capacity: StateSnapshot.pieceCount)
        defer { buffer.deallocate() }
        for piece in 0..<4 {
            if piece == piecesBefore {
                snapshot.detach()
                for index in 0..<block.elementCount { block.pointer[index] = -1 }
            }
            read += UnsafeBufferPointer(start: buffer, count: snapshot.next(into: buffer))
        }
        #expect(read == Self.expected)
    }

    @Test("numbers that are not detached are read where they lie")
    func live() {
        let block = block()
        let snapshot = StateSnapshot([SavedNumbers("values", of: block, ranges: [0..<4])])
        block.pointer[2] = 99
        let buffer = UnsafeMutablePointer<Float>.allocate(capacity: StateSnapshot.pieceCount)
        defer { buffer.deallocate() }
        #expect(snapshot.next(into: buffer) == 4)
        #expect(Array(UnsafeBufferPointer(start: buffer, count: 4)) == [0, 1, 99, 3])
    }

    @Test("a save goes on with the numbers as they were while they change")
    func background() throws {
        let saved = try SavedCheckpoint(steps: [])
        let block = block()
        let numbers = SavedNumbers("values", of: block, ranges: Self.ranges)
        let snapshot = StateSnapshot([numbers])
        let path = saved.folder.file("shard.h5")
        let save = BackgroundSave(snapshot) { () throws(Failure) in [.init(name: "shard.h5", try ShardFile.write(snapshot, to: path))] }
        save.detach()
        for index in 0..<block.elementCount { block.pointer[index] = -1 }
        #expect(try save.files().map(\.name) == ["shard.h5"])
        #expect(save.hasEnded)
        let reader = try ShardReader(path: path)
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: numbers.count)
        defer { buffer.deallocate() }
        try reader.read("values", 0..<numbers.count, into: buffer)
        #expect(Array(buffer) == Self.expected)
    }
}
