import Settings

/// Deals a step's records to the data ranks, balanced by tokens. The longest record is dealt first. Each record goes to the
/// rank with the fewest tokens so far; among equal ranks, to the lowest.
///
/// The result depends on the arguments alone, so every rank computes the same one. Each rank's records keep the step's order.
/// With fewer records than ranks, some ranks get no record.
///
/// - Parameter lengths: returns the tokens of a record.
public func deal(_ records: [Int], lengths: (Int) -> Int, over dataRanks: Int) -> [[Int]] {
    invariant(dataRanks > 0, "records are dealt to one rank at least")
    let sizes = records.map(lengths)
    // Records of equal length keep the step's order, even if the library's sort is not stable.
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
