import Testing

@testable import References

@Suite struct BridgeScheduleTests {
    private func place(_ dataRank: Int, _ index: Int) -> MicroBatchPlace { MicroBatchPlace(dataRank: dataRank, index: index) }

    @Test("equal work goes to the data ranks' own copies")
    func home() {
        let schedule = BridgeSchedule(costs: [[5, 5], [5, 5]], replicaCount: 2)
        #expect(schedule.roundsPerWindow == 1)
        #expect(schedule.windows == [[[place(0, 0)], [place(1, 0)]], [[place(0, 1)], [place(1, 1)]]])
    }

    @Test("more copies than data ranks take several rounds at once")
    func windows() {
        let schedule = BridgeSchedule(costs: [[5, 5, 5]], replicaCount: 2)
        #expect(schedule.roundsPerWindow == 2)
        #expect(schedule.windows == [[[place(0, 0)], [place(0, 1)]], [[place(0, 2)], []]])
    }

    @Test("fewer copies share the data ranks' work by its size, each in the order of rounds")
    func balance() {
        let schedule = BridgeSchedule(costs: [[9], [2], [3], [4]], replicaCount: 2)
        #expect(schedule.windows == [[[place(0, 0)], [place(1, 0), place(2, 0), place(3, 0)]]])
    }

    @Test("what is known already is nobody's work, and ranks may have nothing")
    func known() {
        let schedule = BridgeSchedule(costs: [[0, 7], [], [3]], replicaCount: 1)
        #expect(schedule.windows == [[[place(2, 0)]], [[place(0, 1)]]])
        #expect(schedule.places(ofReplica: 0) == [place(2, 0), place(0, 1)])
        #expect(BridgeSchedule(costs: [[], []], replicaCount: 3).windows.isEmpty)
    }

    @Test("every micro-batch is computed once, in its own window", arguments: 1...5, 1...5)
    func complete(dataRanks: Int, replicas: Int) {
        let costs = (0..<dataRanks).map { rank in (0..<(3 + rank % 2)).map { 1 + (7 * $0 + 3 * rank) % 5 } }
        let schedule = BridgeSchedule(costs: costs, replicaCount: replicas)
        var seen: [MicroBatchPlace] = []
        for (index, window) in schedule.windows.enumerated() {
            let rounds = (index * schedule.roundsPerWindow)..<((index + 1) * schedule.roundsPerWindow)
            #expect(window.count == replicas)
            for job in window.joined() {
                #expect(rounds.contains(job.index))
                seen.append(job)
            }
        }
        #expect(seen.count == costs.joined().count && Set(seen).count == seen.count)
    }
}
