/// Which copy of a reference computes which micro-batch's values, where the reference has a layout of its own: made alike by
/// every rank.
///
/// Rounds are taken in windows of so many that every copy has work, and no more, because hidden states wait in memory from
/// their forward to their use.
struct BridgeSchedule: Equatable {
    /// Of each window, and each copy of the reference, its micro-batches in order.
    let windows: [[[MicroBatchPlace]]]
    let roundsPerWindow: Int

    /// - Parameters:
    ///   - costs: of every data rank, its micro-batches' tokens; 0 where the values are known already.
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

    /// What the copy `replica` computes of all windows.
    func places(ofReplica replica: Int) -> Set<MicroBatchPlace> { Set(windows.flatMap { $0[replica] }) }

    /// The longest first, each to the copy that has least to do; of equals to the data rank's own number, where its ranks
    /// are likely the same.
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
