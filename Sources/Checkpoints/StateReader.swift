import Foundation
import HDF5
import Settings

/// Reads a checkpoint parameter by parameter. The layout of the save and the layout of the reader may differ.
///
/// Only requested floats are read, at most 4 MiB at a time. The manifest must come from `CheckpointFolder`, because its ranges
/// are not checked again.
public final class StateReader {
    /// A rectangle of one parameter.
    public struct Box {
        public let parameter: String
        /// `[rows, columns]` of the full parameter in the model.
        public let shape: [Int]
        public let rows: Range<Int>
        public let columns: Range<Int>

        public init(parameter: String, shape: [Int], rows: Range<Int>, columns: Range<Int>) {
            self.parameter = parameter
            self.shape = shape
            self.rows = rows
            self.columns = columns
        }
    }

    /// A contiguous range of a block in a shard's file.
    private struct Run {
        let range: Range<Int>
        /// Index among the manifest's shards.
        let shard: Int
        /// The place of the first float in the file's datasets.
        let place: Int
    }

    private let folder: CheckpointFolder
    private let manifest: CheckpointManifest
    /// The runs of each block, ascending.
    private let runs: [[Run]]
    /// The index of each parameter in the list of every block.
    private let indices: [String: Int]
    private var readers: [Int: ShardReader] = [:]
    private let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: StateSnapshot.pieceCount)

    public init(_ folder: CheckpointFolder, _ manifest: CheckpointManifest) {
        self.folder = folder
        self.manifest = manifest
        runs = manifest.blocks.map { StateReader.runs(of: $0.tensor, manifest.shards) }
        // All shards of a tensor rank stay open, one file per data rank of the save. They may be more than the usual limit of
        // 1,024.
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            limit.rlim_cur = limit.rlim_max
            _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        indices = Dictionary(uniqueKeysWithValues: manifest.blocks[0].parameters.enumerated().map { ($1.name, $0) })
    }

    deinit { buffer.deallocate() }

    private static func runs(of tensor: Int, _ shards: [CheckpointManifest.Shard]) -> [Run] {
        var runs: [Run] = []
        for (index, shard) in shards.enumerated() where shard.tensor == tensor {
            var place = 0
            for range in shard.ranges {
                runs.append(Run(range: range[0]..<range[1], shard: index, place: place))
                place += range[1] - range[0]
            }
        }
        return runs.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }

    /// Fills `destination` with the floats `floats` of `box`, counted row by row from the first float of the box.
    ///
    /// - Parameters:
    ///   - name: the name of the dataset: `values`, `first_moments` or `second_moments`.
    ///   - tensor: the tensor rank that reads. A replicated parameter is read from the block of the tensor rank with the same
    ///     number, or of the last one.
    /// - Throws: `Failure` (damaged data), naming the file. Also if the checkpoint has no such parameter.
    public func read(
        _ name: String, _ box: Box, floats: Range<Int>, tensor: Int, into destination: UnsafeMutablePointer<Float>
    ) throws(Failure) {
        let parts = try parts(of: box, tensor: tensor)
        let width = box.columns.count
        // Bands of rows: the part of each source in a band fits into the buffer.
        let widest = max(parts.map { $0.part.columns[1] - $0.part.columns[0] }.max() ?? 1, 1)
        let height = max(1, buffer.count / widest)
        var start = floats.lowerBound
        while start < floats.upperBound {
            let first = start / width
            let last = min((floats.upperBound - 1) / width, first + height - 1)
            let end = min(floats.upperBound, (last + 1) * width)
            let rows = (box.rows.lowerBound + first)..<(box.rows.lowerBound + last + 1)
            for part in parts {
                try copy(name, part, rows, of: box, start..<end, to: destination + (start - floats.lowerBound))
            }
            start = end
        }
    }

    /// The parts that cover `box`: one part if the parameter is replicated, otherwise the parts of all tensor ranks.
    private func parts(of box: Box, tensor: Int) throws(Failure) -> [(block: Int, part: CheckpointManifest.Parameter)] {
        guard let index = indices[box.parameter] else { throw mismatch(box, "has no parameter \(box.parameter)") }
        let all = manifest.blocks.map { $0.parameters[index] }
        guard all[0].shape == box.shape else {
            throw mismatch(box, "has \(box.parameter) of shape \(all[0].shape), but the model's shape is \(box.shape)")
        }
        guard all.allSatisfy({ $0.columns[1] - $0.columns[0] <= buffer.count }) else {
            throw mismatch(box, "has rows of \(box.parameter) that are too wide")
        }
        let isWhole = all[0].rows == [0, box.shape[0]] && all[0].columns == [0, box.shape[1]]
        let blocks = isWhole ? [min(tensor, all.count - 1)] : Array(all.indices)
        return blocks.map { ($0, all[$0]) }
    }

    private func mismatch(_ box: Box, _ reason: String) -> Failure {
        .damaged(folder.path, reason, remedy: "Resume the run with the model with which it was started.")
    }

    /// Copies the floats `wanted` of `box` to `destination`, as far as they lie in `source` and in the rows `rows`.
    private func copy(
        _ name: String, _ source: (block: Int, part: CheckpointManifest.Parameter), _ rows: Range<Int>, of box: Box,
        _ wanted: Range<Int>, to destination: UnsafeMutablePointer<Float>
    ) throws(Failure) {
        let part = source.part
        let common = rows.clamped(to: part.rows[0]..<part.rows[1])
        let columns = box.columns.clamped(to: part.columns[0]..<part.columns[1])
        guard !common.isEmpty, !columns.isEmpty else { return }
        let partWidth = part.columns[1] - part.columns[0]
        let start = part.offset + (common.lowerBound - part.rows[0]) * partWidth
        try fetch(name, start..<(start + common.count * partWidth), ofBlock: source.block)
        for row in common {
            // The range in floats of the box, cut to the wanted floats.
            let begin = (row - box.rows.lowerBound) * box.columns.count + columns.lowerBound - box.columns.lowerBound
            let floats = (begin..<(begin + columns.count)).clamped(to: wanted)
            guard !floats.isEmpty else { continue }
            let place = (row - common.lowerBound) * partWidth + columns.lowerBound - part.columns[0] + floats.lowerBound - begin
            (destination + (floats.lowerBound - wanted.lowerBound)).update(from: buffer.baseAddress! + place, count: floats.count)
        }
    }

    /// Fills the beginning of the buffer with a range of a block, from all shards that overlap the range.
    private func fetch(_ name: String, _ range: Range<Int>, ofBlock block: Int) throws(Failure) {
        invariant(range.count <= buffer.count, "what is read has room in its buffer")
        let runs = runs[block]
        // Binary search for the first run that ends after the start of the range.
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].range.upperBound > range.lowerBound { high = middle } else { low = middle + 1 }
        }
        while low < runs.count, runs[low].range.lowerBound < range.upperBound {
            let run = runs[low]
            let common = run.range.clamped(to: range)
            let place = run.place + common.lowerBound - run.range.lowerBound
            let target = UnsafeMutableBufferPointer(rebasing: buffer[(common.lowerBound - range.lowerBound)...])
            try read(name, place..<(place + common.count), ofShard: run.shard, into: target)
            low += 1
        }
    }

    private func read(
        _ name: String, _ range: Range<Int>, ofShard shard: Int, into target: UnsafeMutableBufferPointer<Float>
    ) throws(Failure) {
        let path = "\(folder.path)/\(manifest.shards[shard].file)"
        do throws(HDF5Error) {
            if readers[shard] == nil { readers[shard] = try ShardReader(path: path) }
            try readers[shard]!.read(name, range, into: target)
        } catch {
            throw .damaged(
                path, "can't be trusted (\(error))", remedy: "Go back to an earlier checkpoint with --resume=latest-valid.")
        }
    }
}
