import Collectives
import Diagnosis
import Foundation
import HDF5
import Hashing
import Settings

/// The file of one rank in a checkpoint: an HDF5 file with a dataset of floats for each `SavedNumbers`, in chunks with
/// checksums.
enum ShardFile {
    static let kind = "checkpoint-shard"

    static func name(tensor: Int, data: Int) -> String { "tensor-\(tensor)-data-\(data).h5" }

    /// An upper bound of the file's size, bytes, for datasets with `counts` floats.
    static func byteCount(of counts: [Int]) -> Int {
        counts.reduce(1 << 16) { sum, count in
            let chunk = chunk(count)
            // Each chunk has a checksum of 4 bytes and at most 64 bytes in the index of chunks.
            return sum + (count + chunk - 1) / chunk * (chunk * MemoryLayout<Float>.stride + 68)
        }
    }

    /// Writes the file, reads it back, and brings it to disk.
    ///
    /// - Throws: `Failure` (input/output).
    static func write(_ snapshot: StateSnapshot, to path: String) throws(Failure) -> FileDigest {
        do {
            let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: StateSnapshot.pieceCount)
            defer { buffer.deallocate() }
            let written = try write(snapshot, to: path, through: buffer)
            // On a full disk the library reports success. Only reading the file back finds the error.
            guard try digits(of: snapshot.numbers, in: path, through: buffer) == written else {
                throw HDF5Error("reading back", detail: "the file holds other values than were written")
            }
            return try CheckpointFolder.digest(ofWritten: path)
        } catch {
            throw CheckpointFolder.unwritable(path, error)
        }
    }

    /// Floats in a chunk. A chunk is a piece, so that it is written once. A small dataset is one chunk.
    private static func chunk(_ count: Int) -> Int { min(max(count, 1), StateSnapshot.pieceCount) }

    /// Writes the datasets. Returns the digest of all floats, in the order of the datasets.
    private static func write(
        _ snapshot: StateSnapshot, to path: String, through buffer: UnsafeMutableBufferPointer<Float>
    ) throws(HDF5Error) -> String {
        let file = try HDF5File(creating: path)
        try file.write(Int64(CheckpointManifest.currentVersion), attribute: "format_version")
        try file.write(kind, attribute: "kind")
        var hash = SHA256()
        for numbers in snapshot.numbers {
            var dataset = try HDF5Dataset<Float>(creating: numbers.name, in: file, chunk: chunk(numbers.count))
            while dataset.count < numbers.count {
                let piece = UnsafeMutableBufferPointer(rebasing: buffer[..<snapshot.next(into: buffer.baseAddress!)])
                hash.update(UnsafeRawBufferPointer(piece))
                try dataset.append(piece)
                RankActivity.goOn(.saving)
            }
            try dataset.close()
        }
        try file.close()
        return hash.digits()
    }

    private static func digits(
        of numbers: [SavedNumbers], in path: String, through buffer: UnsafeMutableBufferPointer<Float>
    ) throws(HDF5Error) -> String {
        let reader = try ShardReader(path: path)
        var hash = SHA256()
        for numbers in numbers {
            let count = try reader.count(of: numbers.name)
            for start in stride(from: 0, to: count, by: buffer.count) {
                let range = start..<min(start + buffer.count, count)
                try reader.read(numbers.name, range, into: buffer)
                hash.update(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: buffer[..<range.count])))
                RankActivity.goOn(.saving)
            }
        }
        return hash.digits()
    }
}
