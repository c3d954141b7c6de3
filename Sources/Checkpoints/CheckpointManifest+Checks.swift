import Settings

extension CheckpointManifest {
    /// The first fault of a manifest, which anyone may have written. Nil if all numbers are within bounds, all names are plain,
    /// and shards and parameters cover their blocks. No memory is allocated by the manifest's numbers before this check.
    var fault: String? {
        counterFault ?? filesFault ?? blocksFault ?? shardsFault
    }

    private static let largestCount = 1 << 50
    private static let mostRanks = 1 << 20

    private var counterFault: String? {
        guard kind == "checkpoint" else { return "is not a checkpoint's manifest" }
        let counters = [step, totalSteps, epoch, position, metrics.bytes, metrics.rows]
        guard counters.allSatisfy({ (0...CheckpointManifest.largestCount).contains($0) }) else {
            return "has a counter out of bounds"
        }
        let guardState = trainerState?.stepGuard ?? StepGuardState()
        guard (0...step).contains(guardState.skippedCount), (0...step).contains(guardState.skippedInRow) else {
            return "has a counter out of bounds"
        }
        let ranks = 1...CheckpointManifest.mostRanks
        guard ranks.contains(layout.data), ranks.contains(layout.tensor), ranks.contains(layout.data * layout.tensor) else {
            return "has an impossible layout"
        }
        return nil
    }

    private var filesFault: String? {
        for file in files + inputs.flatMap(\.files) {
            guard CheckpointManifest.isPlain(file.name) else { return "names a file '\(file.name.prefix(80))', which is not a plain name" }
            guard (0...CheckpointManifest.largestCount).contains(file.bytes), CheckpointManifest.isDigest(file.sha256) else {
                return "has no size or SHA-256 of \(file.name)"
            }
        }
        let names = files.map(\.name)
        guard Set(names).count == names.count, Set(names).isDisjoint(with: CheckpointFolder.ownNames) else {
            return "lists a file twice"
        }
        return nil
    }

    /// Whether `name` is a plain name in the folder, without control characters.
    static func isPlain(_ name: String) -> Bool {
        let isShort = (1...255).contains(name.utf8.count)
        return isShort && !name.hasPrefix(".") && name.unicodeScalars.allSatisfy { $0 != "/" && $0.value >= 0x20 && $0.value != 0x7F }
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private var blocksFault: String? {
        guard blocks.map(\.tensor) == Array(0..<layout.tensor) else { return "lacks a tensor rank's block" }
        for block in blocks {
            guard (0...CheckpointManifest.largestCount).contains(block.count) else { return "has an impossible block" }
            guard block.parameters.map(\.name) == blocks[0].parameters.map(\.name) else {
                return "has other parameters on tensor rank \(block.tensor)"
            }
            if let parameter = block.parameters.first(where: { !$0.fits(blockOf: block.count) }) {
                return "has an impossible part of \(parameter.name.prefix(80))"
            }
        }
        let names = blocks[0].parameters.map(\.name)
        guard Set(names).count == names.count else { return "lists a parameter twice" }
        for index in names.indices where !CheckpointManifest.isWhole(blocks.map { $0.parameters[index] }) {
            return "does not have all of \(names[index].prefix(80))"
        }
        return nil
    }

    /// Whether the parts form a full parameter: each part is the full parameter, or the parts follow each other along the rows
    /// or the columns.
    private static func isWhole(_ parts: [Parameter]) -> Bool {
        guard let shape = parts.first?.shape, parts.allSatisfy({ $0.shape == shape }) else { return false }
        let (rows, columns) = ([0, shape[0]], [0, shape[1]])
        if parts.allSatisfy({ $0.rows == rows && $0.columns == columns }) { return true }
        func follow(_ ranges: [[Int]], to end: Int) -> Bool {
            var place = 0
            for range in ranges {
                guard range[0] == place else { return false }
                place = range[1]
            }
            return place == end
        }
        return parts.allSatisfy { $0.columns == columns } && follow(parts.map(\.rows), to: shape[0])
            || parts.allSatisfy { $0.rows == rows } && follow(parts.map(\.columns), to: shape[1])
    }

    private var shardsFault: String? {
        let names = Set(files.map(\.name))
        guard shards.count == layout.data * layout.tensor, Set(shards.map(\.file)).count == shards.count,
            shards.allSatisfy({ names.contains($0.file) && (0..<layout.tensor).contains($0.tensor) && (0..<layout.data).contains($0.data) })
        else { return "lacks a rank's shard" }
        guard referenceValues == nil || names.contains(RecordTableFile.name) else { return "lacks the reference values that it names" }
        for block in blocks {
            let ranges = shards.filter { $0.tensor == block.tensor }.flatMap(\.ranges)
            guard ranges.allSatisfy({ $0.count == 2 && $0[0] < $0[1] && $0[0] >= 0 && $0[1] <= block.count }) else {
                return "has a shard out of bounds"
            }
            var place = 0
            for range in ranges.sorted(by: { $0[0] < $1[0] }) {
                guard range[0] == place else { return "has shards that overlap or leave a gap" }
                place = range[1]
            }
            guard place == block.count else { return "has shards that leave a gap" }
        }
        for shard in shards where zip(shard.ranges, shard.ranges.dropFirst()).contains(where: { $0[1] > $1[0] }) {
            return "has a shard whose ranges don't ascend"
        }
        return nil
    }
}

extension CheckpointManifest.Parameter {
    fileprivate func fits(blockOf count: Int) -> Bool {
        let limit = 1 << 31
        guard shape.count == 2, shape.allSatisfy({ (1...limit).contains($0) }), rows.count == 2, columns.count == 2,
            rows[0] >= 0, rows[0] <= rows[1], rows[1] <= shape[0], columns[0] >= 0, columns[0] <= columns[1],
            columns[1] <= shape[1], offset >= 0, offset <= count
        else { return false }
        return offset + (rows[1] - rows[0]) * (columns[1] - columns[0]) <= count
    }
}
