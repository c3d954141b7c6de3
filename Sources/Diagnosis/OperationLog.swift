import Dispatch

/// A rank's record of its last operations and of its activity between them, in the node's shared memory.
///
/// Writing costs a few stores. The rank's main thread writes; any process of the node may read at any time.
package final class OperationLog: @unchecked Sendable {
    /// This process's own log, once it has one. It is set before any other thread may read it.
    package nonisolated(unsafe) static var own: OperationLog?

    enum State: Int {
        /// Nothing was written yet.
        case unborn
        case running
        /// The rank ended normally, or has reported why it ends.
        case ended
    }

    static let entryLimit = 64
    /// Groups beyond this limit are not recorded.
    static let groupLimit = 40
    private static let nameWordCount = 4

    /// Indices of words in a rank's part.
    private enum Word {
        static let process = 0, rank = 1, state = 2, stage = 3, stageBegin = 4, step = 5, phase = 6, phaseBegin = 7
        static let microBatch = 8, microBatchCount = 9, lastEntry = 10
        static let groups = 16, groupStride = 8
        static let entries = 336, entryStride = 8

        static func group(_ index: Int) -> Int { groups + index * groupStride }
        static func entry(_ serial: Int) -> Int { entries + serial % OperationLog.entryLimit * entryStride }
    }

    let board: NodeBoard
    /// The rank's index on its node.
    let place: Int
    private var lastSerial = 0
    private var groupCount = 0
    private var phase = RankActivity.Phase.between

    package init(_ board: NodeBoard, place: Int, rank: Int, process: Int) {
        self.board = board
        self.place = place
        write(process, Word.process)
        write(rank, Word.rank)
        write(OperationLog.now, Word.stageBegin)
        write(State.running.rawValue, Word.state)
    }

    private func write(_ value: Int, _ word: Int) { board.write(value, to: word, of: place) }

    /// Nanoseconds of a monotonic clock that all processes of the node share.
    package static var now: Int { Int(DispatchTime.now().uptimeNanoseconds) }

    // MARK: Writing

    package func begin(_ stage: RankActivity.Stage, step: Int?) {
        write(OperationLog.now, Word.stageBegin)
        write(stage.rawValue, Word.stage)
        write((step ?? -1) + 1, Word.step)
        write(0, Word.microBatchCount)
        begin(.between)
    }

    /// Called by any thread when a piece of the stage's work is done: the limit counts from here. If another stage begins
    /// at the same moment, its limit counts from a moment later.
    package func goOn(_ stage: RankActivity.Stage) {
        if board.read(Word.stage, of: place) == stage.rawValue { write(OperationLog.now, Word.stageBegin) }
    }

    @discardableResult
    package func begin(_ next: RankActivity.Phase) -> RankActivity.Phase {
        let earlier = phase
        phase = next
        write(OperationLog.now, Word.phaseBegin)
        write(next.rawValue, Word.phase)
        return earlier
    }

    package func begin(microBatch number: Int, of count: Int) {
        write(number, Word.microBatch)
        write(count, Word.microBatchCount)
    }

    package func end() { write(State.ended.rawValue, Word.state) }

    /// Adds a group to the table and returns its index; nil if the table is full.
    package func register(group identity: Int, name: String) -> Int? {
        guard groupCount < OperationLog.groupLimit else { return nil }
        let word = Word.group(groupCount)
        let bytes = Array(name.utf8.prefix(OperationLog.nameWordCount * 8))
        for index in 0..<OperationLog.nameWordCount {
            var packed = 0
            for (offset, byte) in bytes.dropFirst(index * 8).prefix(8).enumerated() { packed |= Int(byte) << (offset * 8) }
            write(packed, word + 2 + index)
        }
        write(0, word + 1)
        write(identity, word)
        defer { groupCount += 1 }
        return groupCount
    }

    /// - Parameters:
    ///   - place: the group's index in the table.
    ///   - number: the operation's number in its group, or a message's tag.
    /// - Returns: the serial that `end` takes.
    package func begin(
        _ kind: OperationKind, isWait: Bool, place group: Int, number: Int, count: Int, unit: OperationUnit, peer: Int?,
        at time: Int
    ) -> Int {
        lastSerial += 1
        let word = Word.entry(lastSerial)
        // 0 marks the entry as invalid while it is written.
        write(0, word)
        write(kind.rawValue | (isWait ? 1 << 8 : 0) | unit.rawValue << 12 | group << 16 | ((peer ?? -1) + 1) << 32, word + 1)
        write(number, word + 2)
        write(count, word + 3)
        write(time, word + 4)
        write(0, word + 5)
        write(lastSerial, word)
        if !isWait && !kind.isBetweenTwo { write(number, Word.group(group) + 1) }
        write(lastSerial, Word.lastEntry)
        return lastSerial
    }

    package func end(_ serial: Int, at time: Int) { write(time, Word.entry(serial) + 5) }

    // MARK: Reading

    /// The record that the rank at `place` has written; nil before its first write.
    static func record(_ board: NodeBoard, place: Int) -> RankRecord? {
        func read(_ word: Int) -> Int { board.read(word, of: place) }
        guard let state = State(rawValue: read(Word.state)), state != .unborn else { return nil }
        var record = RankRecord(
            rank: read(Word.rank), process: Int32(truncatingIfNeeded: read(Word.process)), isEnded: state == .ended)
        record.activity.stage = RankActivity.Stage(rawValue: read(Word.stage)) ?? .starting
        record.activity.stageBegin = read(Word.stageBegin)
        record.activity.step = read(Word.step) > 0 ? read(Word.step) - 1 : nil
        record.activity.phase = RankActivity.Phase(rawValue: read(Word.phase)) ?? .between
        record.activity.phaseBegin = read(Word.phaseBegin)
        let microBatchCount = read(Word.microBatchCount)
        if microBatchCount > 0 { record.activity.microBatch = (read(Word.microBatch), microBatchCount) }
        var groups: [(identity: Int, name: String)] = []
        for index in 0..<groupLimit {
            let word = Word.group(index)
            let identity = read(word)
            guard identity != 0 else { break }
            groups.append((identity, name(board, place: place, at: word + 2)))
            record.begun[identity] = read(word + 1)
        }
        let last = read(Word.lastEntry)
        guard last > 0 else { return record }
        for serial in stride(from: last, to: max(0, last - entryLimit), by: -1) {
            guard let operation = operation(board, place: place, serial: serial, groups: groups) else { continue }
            record.operations.append(operation)
        }
        return record
    }

    private static func name(_ board: NodeBoard, place: Int, at word: Int) -> String {
        var bytes: [UInt8] = []
        for index in 0..<nameWordCount {
            let packed = board.read(word + index, of: place)
            for offset in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: packed >> (offset * 8))) }
        }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func operation(
        _ board: NodeBoard, place: Int, serial: Int, groups: [(identity: Int, name: String)]
    ) -> Operation? {
        func read(_ word: Int) -> Int { board.read(Word.entry(serial) + word, of: place) }
        guard read(0) == serial else { return nil }
        let packed = read(1)
        let group = packed >> 16 & 0xFFFF
        guard let kind = OperationKind(rawValue: packed & 0xFF), groups.indices.contains(group) else { return nil }
        let peer = packed >> 32
        let operation = Operation(
            kind: kind, isWait: packed >> 8 & 1 == 1, group: groups[group].identity, groupName: groups[group].name,
            number: read(2), count: read(3), unit: OperationUnit(rawValue: packed >> 12 & 0xF) ?? .bytes,
            peer: peer > 0 ? peer - 1 : nil, begin: read(4), end: read(5) == 0 ? nil : read(5))
        // If the serial changed, the entry was overwritten while it was read.
        return read(0) == serial ? operation : nil
    }
}
