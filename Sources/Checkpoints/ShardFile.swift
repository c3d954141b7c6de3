import Foundation
import HDF5
import Settings
import Tensors

/// A `CheckpointPart` on disk: an HDF5 file with a dataset of floats a block, in chunks with checksums.
enum ShardFile {
    private static let kind = "checkpoint-shard"
    /// Floats a chunk and a call: 4 MiB.
    private static let chunk = 1 << 20

    /// Writes the file, reads it back bit by bit, and brings it to the disk.
    static func write(_ blocks: [(name: String, values: Matrix)], to path: String) throws(Failure) {
        do {
            let file = try HDF5File(creating: path)
            for block in blocks {
                var dataset = try HDF5Dataset<Float>(creating: block.name, in: file, chunk: chunk)
                for range in pieces(block.values.elementCount) { try dataset.append(floats(block.values, range)) }
                try dataset.close()
            }
            try file.write(Int64(CheckpointManifest.currentVersion), attribute: "format_version")
            try file.write(kind, attribute: "kind")
            try file.close()
            try compare(blocks, with: path)
            try synchronise(path)
        } catch {
            throw .inputOutput(
                path, "can't be written (\(error))",
                remedy: "Check the disk's room and health; earlier checkpoints are untouched.")
        }
    }

    /// Fills `blocks` from the file, every chunk's checksum checked.
    static func read(_ blocks: [(name: String, values: Matrix)], from path: String) throws(Failure) {
        guard FileManager.default.fileExists(atPath: path) else {
            throw .missing(path, "does not exist", remedy: "Resume from another step with --resume=STEP.")
        }
        do throws(HDF5Error) {
            try forEachPiece(of: blocks, in: path) { block, range, values in
                values.withUnsafeBufferPointer {
                    (block.pointer + range.lowerBound).update(from: $0.baseAddress!, count: range.count)
                }
            }
        } catch {
            throw .damaged(
                path, "can't be trusted (\(error))", remedy: "Resume from an earlier step with --resume=STEP.")
        }
    }

    /// On a full disk the library reports success: only reading again tells.
    private static func compare(_ blocks: [(name: String, values: Matrix)], with path: String) throws(HDF5Error) {
        var isEqual = true
        try forEachPiece(of: blocks, in: path) { block, range, values in
            isEqual = isEqual && values.withUnsafeBytes { memcmp($0.baseAddress!, block.pointer + range.lowerBound, $0.count) == 0 }
        }
        guard isEqual else { throw HDF5Error("reading back", detail: "other values than were written") }
    }

    private static func forEachPiece(
        of blocks: [(name: String, values: Matrix)], in path: String,
        _ body: (_ block: Matrix, _ range: Range<Int>, _ values: [Float]) -> Void
    ) throws(HDF5Error) {
        let byteCount = ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
        let file = try HDF5File(opening: path)
        guard try file.string(attribute: "kind") == kind,
            try file.integer(attribute: "format_version") <= Int64(CheckpointManifest.currentVersion)
        else { throw HDF5Error("opening the file", detail: "it is not a checkpoint's shard of this version") }
        for block in blocks {
            precondition(block.values.isContiguous)
            let dataset = try HDF5Dataset<Float>(opening: block.name, in: file, fileByteCount: byteCount)
            guard dataset.count == block.values.elementCount else {
                throw HDF5Error(
                    "reading '\(block.name)'", detail: "\(dataset.count) numbers where \(block.values.elementCount) are needed")
            }
            for range in pieces(dataset.count) { body(block.values, range, try dataset.read(range)) }
        }
    }

    private static func pieces(_ count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: chunk).map { $0..<min($0 + chunk, count) }
    }

    private static func floats(_ matrix: Matrix, _ range: Range<Int>) -> UnsafeBufferPointer<Float> {
        precondition(matrix.isContiguous)
        return UnsafeBufferPointer(start: matrix.pointer + range.lowerBound, count: range.count)
    }
}
