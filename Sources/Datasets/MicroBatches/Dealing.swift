import Settings

/// Deals a step's records to the data ranks, whole and balanced by tokens: the longest first, each to the rank with
/// the fewest tokens so far (the lower one of equals).
///
/// Depends on its arguments alone, so every rank computes the same deal. Each rank's records keep the step's order.
/// With fewer records than ranks some ranks get none.
///
/// - Parameter lengths: tokens of a record.
public func deal(_ records: [Int], lengths: (Int) -> Int, over dataRanks: Int) -> [[Int]] {
    invariant(dataRanks > 0, "records are dealt to one rank at least")
    let sizes = records.map(lengths)
    // Equals keep the step's order: the sort must not depend on the library's stability.
    let longestFirst = records.indices.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
    var loads = [Int](repeating: 0, count: dataRanks)
    var rankOf = [Int](repeating: 0, count: records.count)
    for index in longestFirst {
        var lightest = 0
        for rank in 1..<dataRanks where loads[rank] < loads[lightest] { lightest = rank }
        rankOf[index] = lightest
        loads[lightest] += sizes[index]
    }
    var hands = [[Int]](repeating: [], count: dataRanks)
    for index in records.indices { hands[rankOf[index]].append(records[index]) }
    return hands
}
