import Glibc
import Settings
import Testing

@testable import Diagnosis

/// Records written by hand, of ranks that nobody has to start.
@Suite("Who keeps ranks waiting") struct HangDiagnosisTests {
    private static func operation(
        _ kind: OperationKind, group: Int, number: Int, count: Int = 8, peer: Int? = nil, isWait: Bool = false, ended: Bool = false
    ) -> Operation {
        Operation(
            kind: kind, isWait: isWait, group: group, groupName: group == 1 ? "world" : "data", number: number, count: count,
            peer: peer, begin: 1, end: ended ? 2 : nil)
    }

    /// - Parameter operations: the latest first.
    private static func record(_ rank: Int, _ operations: Operation..., begun: [Int: Int], state: ProcessState = .running) -> RankRecord {
        RankRecord(rank: rank, process: 100, state: state, begun: begun, operations: operations)
    }

    private func diagnosis(_ records: RankRecord..., members: [Int: [Int]] = [2: [0, 1], 1: [0, 1, 2, 3]]) -> HangDiagnosis {
        HangDiagnosis(records: records, hosts: RankHosts(names: ["a", "a", "b", "b"]), members: members, now: 61_000_000_001)
    }

    private let waiting = HangDiagnosisTests.record(
        0, HangDiagnosisTests.operation(.sum, group: 2, number: 5), begun: [1: 3, 2: 5])

    @Test("a rank that computes is late")
    func late() {
        let other = Self.record(1, Self.operation(.sum, group: 2, number: 4, ended: true), begun: [1: 3, 2: 4])
        let subject = diagnosis(waiting, other)
        #expect(subject.cause(of: 0) == .late(rank: 1, waiting.operations[0]))
        let line = subject.failure(subject.cause(of: 0), of: 0, limit: "the limit").description
        #expect(line.hasPrefix("rank 1 (a): has not reached all-reduce #5 over data (8 floats): is in starting"))
        #expect(line.contains("Rank 0 has waited for 61 s (the limit)"))
    }

    @Test("one that is stopped comes before all other causes, wherever it stands")
    func stopped() {
        let other = Self.record(1, Self.operation(.barrier, group: 2, number: 5), begun: [2: 5], state: .stopped)
        #expect(diagnosis(waiting, other).cause(of: 0) == .halted(rank: 1))
    }

    @Test("another kind or amount under the same number is a mismatch; a gather's amounts are each rank's own")
    func mismatch() {
        for (kind, count) in [(OperationKind.barrier, 0), (.sum, 9)] {
            let operation = Self.operation(kind, group: 2, number: 5, count: count)
            let other = Self.record(1, operation, begun: [2: 5])
            #expect(diagnosis(waiting, other).cause(of: 0) == .mismatch(0, waiting.operations[0], 1, operation))
        }
        let gathers = [8, 9].enumerated().map { rank, count in
            Self.record(rank, Self.operation(.gather, group: 2, number: 5, count: count), begun: [2: 5])
        }
        #expect(diagnosis(gathers[0], gathers[1]).cause(of: 0) == .unended(gathers[0].operations[0]))
    }

    @Test("whom the late one waits for itself is the cause")
    func chain() {
        let middle = Self.record(1, Self.operation(.barrier, group: 1, number: 4), begun: [1: 4, 2: 4])
        let last = Self.record(2, begun: [1: 3])
        #expect(diagnosis(waiting, middle, last, members: [2: [0, 1], 1: [0, 1, 2]]).cause(of: 0) == .late(rank: 2, middle.operations[0]))
    }

    @Test("ranks in each other's way are a ring")
    func ring() {
        let other = Self.record(1, Self.operation(.barrier, group: 1, number: 4), begun: [1: 4, 2: 4])
        #expect(diagnosis(waiting, other, members: [2: [0, 1], 1: [0, 1]]).cause(of: 0) == .ring([0, 1]))
    }

    @Test("where all of the node have come, those of other nodes are named by host")
    func elsewhere() {
        let own = Self.record(0, Self.operation(.barrier, group: 1, number: 4), begun: [1: 4])
        let other = Self.record(1, Self.operation(.barrier, group: 1, number: 4), begun: [1: 4])
        let subject = diagnosis(own, other)
        #expect(subject.cause(of: 0) == .elsewhere(ranks: [2, 3], own.operations[0]))
        #expect(subject.failure(subject.cause(of: 0), of: 0, limit: "").description.contains("rank 2 (b) and rank 3 (b)"))
    }

    @Test("a rank that has come to the end asks on behalf of one that has not")
    func ending() {
        var ended = Self.record(1, Self.operation(.sum, group: 2, number: 5, count: 4, ended: true), begun: [2: 5])
        ended.activity.stage = .ending
        #expect(diagnosis(waiting, ended).waitingRank(for: 1) == 0 && diagnosis(waiting, ended).waitingRank(for: 0) == 0)
        #expect(diagnosis(waiting, ended).cause(of: 0) == .mismatch(0, waiting.operations[0], 1, ended.operations[0]))
    }

    @Test("a message is waited for from its sender")
    func message() {
        let own = Self.record(0, Self.operation(.receive, group: 1, number: 9, peer: 1), begun: [1: 3])
        #expect(diagnosis(own, Self.record(1, begun: [1: 3])).cause(of: 0) == .late(rank: 1, own.operations[0]))
        let far = Self.record(0, Self.operation(.receive, group: 1, number: 9, peer: 3), begun: [1: 3])
        #expect(diagnosis(far, Self.record(1, begun: [1: 3])).cause(of: 0) == .elsewhere(ranks: [3], far.operations[0]))
    }

    @Test("what was started everywhere is held up by a rank that computes")
    func started() {
        let own = Self.record(0, Self.operation(.exchange, group: 2, number: 5, isWait: true), begun: [2: 5])
        let other = Self.record(1, Self.operation(.exchange, group: 2, number: 5, ended: true), begun: [2: 5])
        #expect(diagnosis(own, other).cause(of: 0) == .late(rank: 1, own.operations[0]))
    }
}

@Suite("Limits of time") struct LimitTimerTests {
    private func record(operation begin: Int?, step: Int? = nil) -> RankRecord {
        var record = RankRecord(rank: 0, process: 1)
        if let begin { record.operations = [Operation(kind: .sum, group: 1, groupName: "world", number: 1, begin: begin)] }
        if let step {
            record.activity.stage = .training
            record.activity.stageBegin = step
        }
        return record
    }

    /// The seconds after which a limit was passed, looking four times a second.
    private func passed(_ limits: Watchdog.Limits, until end: Double, _ record: (Double) -> RankRecord) -> Double? {
        var timer = LimitTimer()
        return stride(from: 0, through: end, by: 0.25).first { timer.passed(limits, record($0), now: $0) != nil }
    }

    @Test("an operation has its limit, and the next one begins anew")
    func operations() {
        let limits = Watchdog.Limits(collective: 2)
        #expect(passed(limits, until: 10) { _ in record(operation: 5) } == 2.25)
        #expect(passed(limits, until: 10) { record(operation: 5 + Int($0)) } == nil)
        #expect(passed(limits, until: 10) { _ in record(operation: nil) } == nil)
        #expect(passed(Watchdog.Limits(collective: nil), until: 10) { _ in record(operation: 5) } == nil)
    }

    @Test("a checkpoint whose writing does not go on has the limit of an operation; each piece of it begins anew")
    func saving() {
        func saving(since begin: Int) -> RankRecord {
            var record = record(operation: nil)
            record.activity.stage = .saving
            record.activity.stageBegin = begin
            return record
        }
        let limits = Watchdog.Limits(collective: 2)
        #expect(passed(limits, until: 10) { _ in saving(since: 5) } == 2.25)
        #expect(passed(limits, until: 10) { saving(since: 5 + Int($0)) } == nil)
    }

    @Test("a step has its limit, whatever it does")
    func steps() {
        let limits = Watchdog.Limits(collective: nil, step: 3)
        #expect(passed(limits, until: 10) { record(operation: Int($0 * 4) + 1, step: 9) } == 3.25)
        #expect(passed(limits, until: 10) { record(operation: nil, step: 9 + Int($0)) } == nil)
    }

    @Test("time in which this process did not run does not count")
    func stopped() {
        var timer = LimitTimer()
        let limits = Watchdog.Limits(collective: 2)
        for second in [0.0, 0.25, 1000, 1000.25, 1000.5] {
            #expect(timer.passed(limits, record(operation: 5), now: second) == nil)
        }
    }
}

@Suite("Processes of the node") struct ProcessStateTests {
    /// The fields of proc(5) from the third on, with the given first and fiftieth.
    private func fields(_ state: String, exit: Int) -> [String] {
        [state] + Array(repeating: "0", count: 48) + ["\(exit)"]
    }

    @Test("states and ends are read as the kernel writes them")
    func states() {
        #expect(ProcessState.parsed(fields("S", exit: 0)) == .running)
        #expect(ProcessState.parsed(fields("T", exit: 0)) == .stopped)
        #expect(ProcessState.parsed(fields("D", exit: 0)) == .waitingForDisk)
        // As wait(2) has it: the signal below, the code above.
        #expect(ProcessState.parsed(fields("Z", exit: 9)) == .dead(.signal(9)))
        #expect(ProcessState.parsed(fields("Z", exit: 75 << 8)) == .dead(.code(75)))
        #expect(ProcessState.of(getpid()) == .running)
        #expect(ProcessState.of(0x7FFF_FFFF) == .dead(nil))
    }

    @Test("memory that ran out is known by counters that grow")
    func kills() {
        #expect(MemoryKills(counts: [3, 1]).hasGrown(since: MemoryKills(counts: [3, 0])))
        #expect(!MemoryKills(counts: [3, 0]).hasGrown(since: MemoryKills(counts: [3, 0])))
    }
}

@Suite("Records of operations") struct OperationLogTests {
    @Test("what a rank writes is what another reads through the board")
    func written() throws {
        let board = try #require(NodeBoard.make(rankCount: 2))
        let address = board.address
        let other = try #require(NodeBoard.open(madeBy: address[0], descriptor: address[1], rankCount: 2))
        board.closeDescriptor()
        let log = OperationLog(board, place: 1, rank: 7, process: 42)
        let group = try #require(log.register(group: -5, name: "reference teacher"))
        log.begin(.training, step: 12)
        log.begin(.backward)
        log.begin(microBatch: 3, of: 4)
        let first = log.begin(.sum, isWait: false, place: group, number: 812, count: 4096, unit: .floats, peer: nil, at: 10)
        log.end(first, at: 20)
        _ = log.begin(.receive, isWait: true, place: group, number: 3, count: 9, unit: .doubles, peer: 6, at: 30)

        #expect(OperationLog.record(other, place: 0) == nil, "nobody has written there")
        let record = try #require(OperationLog.record(other, place: 1))
        #expect(record.rank == 7 && record.process == 42 && !record.isEnded)
        #expect(record.activity.words == "step 12, backward, micro-batch 3 of 4")
        #expect(record.begun == [-5: 812])
        #expect(record.operations.count == 2)
        #expect(record.current?.words == "receive from rank 6 of reference teacher (9 doubles)")
        #expect(record.current?.isWait == true && record.current?.begin == 30)
        #expect(record.operations[1].words == "all-reduce #812 over reference teacher (4,096 floats)")
        #expect(record.operations[1].end == 20)
        log.end()
        #expect(OperationLog.record(other, place: 1)?.isEnded == true)
    }

    @Test("the last 64 operations are kept, the latest first")
    func ring() throws {
        let board = try #require(NodeBoard.make(rankCount: 1))
        let log = OperationLog(board, place: 0, rank: 0, process: 1)
        let group = try #require(log.register(group: 1, name: "world"))
        for number in 1...200 {
            log.end(log.begin(.barrier, isWait: false, place: group, number: number, count: 0, unit: .floats, peer: nil, at: number), at: number)
        }
        #expect(OperationLog.record(board, place: 0)?.operations.map(\.number) == (137...200).reversed())
    }

    @Test("one rank of a node speaks, the first that asks")
    func claim() throws {
        let board = try #require(NodeBoard.make(rankCount: 3))
        #expect(!board.isClaimed)
        #expect(board.claimWord(2) && board.claimWord(2))
        #expect(!board.claimWord(0) && board.isClaimed)
    }
}
