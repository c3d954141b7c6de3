import Collectives
import Stepping

/// The work of one rank in a step, without waiting for other ranks.
struct RankWork: Equatable {
    /// Seconds of all the rank's own work, and of the part that does not grow with its tokens: reading and the optimizer.
    var seconds: Double
    var fixedSeconds: Double
    /// Tokens of the rank's micro-batches.
    var tokens: Double
    /// Seconds of the gradient reduction, waiting included. Not work, but sent along with it.
    var reductionSeconds: Double

    init(seconds: Double, fixedSeconds: Double, tokens: Double, reductionSeconds: Double = 0) {
        self.seconds = seconds
        self.fixedSeconds = fixedSeconds
        self.tokens = tokens
        self.reductionSeconds = reductionSeconds
    }

    /// - Parameters:
    ///   - seconds: from the step's beginning to its end.
    ///   - spans: the result of `Stopwatch.take`.
    init(seconds: Double, tokens: Double, spans: [Double], reductionSeconds: Double, countsReferences: Bool) {
        let spans = Dictionary(uniqueKeysWithValues: zip(Stopwatch.Section.allCases, spans))
        let left = spans[.communication]! + (countsReferences ? 0 : spans[.reference]!)
        self.init(
            seconds: max(0, seconds - left), fixedSeconds: spans[.data]! + spans[.optimizer]!, tokens: tokens,
            reductionSeconds: reductionSeconds)
    }

    // MARK: The work of all ranks

    private static let fieldCount = 4

    /// A number for each field of each rank, zero except for this rank's fields. The sum over all ranks has the work of
    /// all.
    func spread(over world: any ProcessGroup) -> [Double] {
        var all = [Double](repeating: 0, count: world.size * RankWork.fieldCount)
        for (index, field) in [seconds, fixedSeconds, tokens, reductionSeconds].enumerated() {
            all[world.rank * RankWork.fieldCount + index] = field
        }
        return all
    }

    static func gathered(_ sums: some Sequence<Double>) -> [RankWork] {
        let fields = Array(sums)
        return stride(from: 0, to: fields.count, by: fieldCount).map {
            RankWork(
                seconds: fields[$0], fixedSeconds: fields[$0 + 1], tokens: fields[$0 + 2], reductionSeconds: fields[$0 + 3])
        }
    }
}
