import Collectives
import Diagnosis
import Foundation
import HDF5
import Hashing
import Settings

/// An open shard file. Reading a chunk checks its checksum.
final class ShardReader {
    private let file: HDF5File
    private let byteCount: Int
    private var opened: (name: String, dataset: OpenDataset)?

    /// Wraps a dataset: a noncopyable value can't be in an optional tuple.
    private final class OpenDataset {
        let dataset: HDF5Dataset<Float>

        init(_ name: String, in file: borrowing HDF5File, byteCount: Int) throws(HDF5Error) {
            // The cache has room for one chunk only, because many shards may be open at once.
            dataset = try HDF5Dataset<Float>(
                opening: name, in: file, fileByteCount: byteCount,
                cacheByteCount: StateSnapshot.pieceCount * MemoryLayout<Float>.stride)
        }
    }

    init(path: String) throws(HDF5Error) {
        byteCount = ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
        file = try HDF5File(opening: path)
        guard try file.string(attribute: "kind") == ShardFile.kind,
            try file.integer(attribute: "format_version") == Int64(CheckpointManifest.currentVersion)
        else { throw HDF5Error("opening the file", detail: "it is not a checkpoint's shard of this version") }
    }

    func count(of name: String) throws(HDF5Error) -> Int { try open(name).dataset.count }

    /// Fills the beginning of `buffer` with the floats of `range`.
    func read(_ name: String, _ range: Range<Int>, into buffer: UnsafeMutableBufferPointer<Float>) throws(HDF5Error) {
        let open = try open(name)
        guard range.upperBound <= open.dataset.count else {
            throw HDF5Error("reading '\(name)'", detail: "it has \(open.dataset.count) numbers, but \(range.upperBound) are needed")
        }
        try open.dataset.read(range, into: buffer)
    }

    /// Opens a dataset. The dataset that was read last stays open, with its chunks.
    private func open(_ name: String) throws(HDF5Error) -> OpenDataset {
        if let opened, opened.name == name { return opened.dataset }
        let dataset = try OpenDataset(name, in: file, byteCount: byteCount)
        opened = (name, dataset)
        return dataset
    }
}
