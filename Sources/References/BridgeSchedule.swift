/// Decides which copy of a reference computes which micro-batch, for a reference with its own layout. Every rank makes the
/// same schedule.
///
/// A window has just enough rounds to give every copy work. It has no more, because hidden states wait in memory between
/// their forward and their use.
struct BridgeSchedule: Equatable {
    /// `windows[w][r]`: the micro-batches of window `w` for copy `r`, in order.
    let windows: [[[MicroBatchPlace]]]
    let roundsPerWindow: Int

    /// - Parameters:
    ///   - costs: for every data rank, the tokens of its micro-batches; 0 if the values are known already.
    ///   - replicaCount: copies of the reference.
    init(costs: [[Int]], replicaCount: Int) {
        roundsPerWindow = max(1, replicaCount / max(costs.count, 1))
        let roundCount = costs.map(\.count).max() ?? 0
        windows = stride(from: 0, to: roundCount, by: roundsPerWindow).map { [roundsPerWindow] start in
            let jobs = costs.indices.flatMap { dataRank in
                costs[dataRank].indices.dropFirst(start).prefix(roundsPerWindow).compactMap { index in
                    costs[dataRank][index] > 0 ? MicroBatchPlace(dataRank: dataRank, index: index) : nil
                }
            }
            return BridgeSchedule.deal(jobs, over: replicaCount) { costs[$0.dataRank][$0.index] }
        }
    }

    /// All micro-batches that the copy `replica` computes, over all windows.
    func places(ofReplica replica: Int) -> Set<MicroBatchPlace> { Set(windows.flatMap { $0[replica] }) }

    /// Deals the longest micro-batch first, each to the copy with the smallest load. Among equal loads it prefers the copy
    /// with the data rank's number, which is likely on the same ranks.
    private static func deal(
        _ jobs: [MicroBatchPlace], over replicaCount: Int, cost: (MicroBatchPlace) -> Int
    ) -> [[MicroBatchPlace]] {
        var dealt = [[MicroBatchPlace]](repeating: [], count: replicaCount)
        var load = [Int](repeating: 0, count: replicaCount)
        let order = jobs.sorted { (-cost($0), $0.index, $0.dataRank) < (-cost($1), $1.index, $1.dataRank) }
        for job in order {
            let home = job.dataRank % replicaCount
            let least = load.min()!
            let replica = load[home] == least ? home : load.firstIndex(of: least)!
            dealt[replica].append(job)
            load[replica] += cost(job)
        }
        return dealt.map { $0.sorted { ($0.index, $0.dataRank) < ($1.index, $1.dataRank) } }
    }
}
