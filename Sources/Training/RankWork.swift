import Collectives
import Stepping

/// What one rank did in a step while it waited for nobody.
struct RankWork: Equatable {
    /// Of all of its own work, and of that part which does not grow with its tokens: reading, the optimizer.
    var seconds: Double
    var fixedSeconds: Double
    /// Of its micro-batches.
    var tokens: Double
    /// On the reduction of gradients, waiting included: no work, but told along with it.
    var reductionSeconds: Double

    init(seconds: Double, fixedSeconds: Double, tokens: Double, reductionSeconds: Double = 0) {
        self.seconds = seconds
        self.fixedSeconds = fixedSeconds
        self.tokens = tokens
        self.reductionSeconds = reductionSeconds
    }

    /// - Parameters:
    ///   - seconds: from the step's beginning to its end.
    ///   - spans: as `Stopwatch.take` gives them.
    init(seconds: Double, tokens: Double, spans: [Double], reductionSeconds: Double, countsReferences: Bool) {
        let spans = Dictionary(uniqueKeysWithValues: zip(Stopwatch.Section.allCases, spans))
        let left = spans[.communication]! + (countsReferences ? 0 : spans[.reference]!)
        self.init(
            seconds: max(0, seconds - left), fixedSeconds: spans[.data]! + spans[.optimizer]!, tokens: tokens,
            reductionSeconds: reductionSeconds)
    }

    // MARK: All ranks' at once

    private static let fieldCount = 4

    /// A number for each field of each rank, zero but for this rank's: their sum over all ranks is everybody's work.
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
