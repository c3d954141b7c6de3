import Settings
import Tensors

/// The references that several requests use on one rank: each reference once, and each request's indices into them.
struct DistributionPlan: Sendable {
    struct Entry: Sendable {
        let loss: any DistributionLoss
        /// Indices into `DistributionPlan.references`.
        let references: [Int]
        /// How many vocabulary rows of this rank's range the loss sees: the first rows of the range.
        let rowCount: Int
        let inverseTemperature: Float

        /// How many tokens of a tile the loss sees. `columns` are counted from the range's first token.
        func visibleCount(_ columns: Range<Int>) -> Int { max(0, min(columns.upperBound, rowCount) - columns.lowerBound) }
    }

    let references: [ReferenceHead]
    let entries: [Entry]

    init(_ requests: [DistributionRequest], among heads: [ReferenceHead], range: Range<Int>, rowCount: Int) {
        var used: [ReferenceHead] = []
        entries = requests.map { request in
            let visible = max(0, min(range.upperBound, request.sharedVocabulary) - range.lowerBound)
            let indices = request.loss.references.map { name in
                if let known = used.firstIndex(where: { $0.name == name }) { return known }
                guard let head = heads.first(where: { $0.name == name }) else {
                    brokenInvariant("a loss reads the reference \(name), which has no head on this rank")
                }
                invariant(head.hidden.rowCount == rowCount, "\(name): the number of scored rows differs from the policy's")
                used.append(head)
                return used.count - 1
            }
            for index in indices {
                invariant(used[index].weight.rowCount >= visible, "\(used[index].name): too few vocabulary rows")
            }
            return Entry(
                loss: request.loss, references: indices, rowCount: visible,
                inverseTemperature: Float(1 / request.loss.temperature))
        }
        references = used
    }

    var isEmpty: Bool { entries.isEmpty }
}
