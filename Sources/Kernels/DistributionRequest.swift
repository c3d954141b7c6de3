import Tensors

// U scored hidden rows, K references, V' rows of the vocabulary on this rank.

/// A frozen model's head, as it runs beside the policy's.
public struct ReferenceHead: Sendable {
    public let name: String
    /// `[U, D_k]`, its own hidden rows for the same scored positions.
    public let hidden: Matrix
    /// `[rows of this rank's range within the shared vocabulary, D_k]`, possibly no rows; in a file's own type it is
    /// widened a tile at a time.
    public let weight: WeightView

    public init(name: String, hidden: Matrix, weight: WeightView) {
        self.name = name
        self.hidden = hidden
        self.weight = weight
    }

    /// The same model's head over some of the scored positions.
    public func rows(_ range: Range<Int>) -> ReferenceHead {
        ReferenceHead(name: name, hidden: hidden.rows(range), weight: weight)
    }
}

/// A loss over distributions, and the tokens that all of its models know.
public struct DistributionRequest: Sendable {
    public let loss: any DistributionLoss
    /// Tokens from here on are left out of every model's distribution. At most the policy's vocabulary.
    public let sharedVocabulary: Int

    public init(loss: any DistributionLoss, sharedVocabulary: Int) {
        precondition(sharedVocabulary > 0, "a distribution needs tokens")
        precondition(loss.temperature > 0, "a temperature is above 0")
        self.loss = loss
        self.sharedVocabulary = sharedVocabulary
    }
}

/// A request on its way back.
public struct DistributionGradient: Sendable {
    public let request: DistributionRequest
    /// `[U]`, with the sums that `accumulate` collected.
    public let rows: [DistributionRow]
    /// `[U]` ∂total/∂(the row's loss)
    public let weights: [Float]

    public init(request: DistributionRequest, rows: [DistributionRow], weights: [Float]) {
        precondition(rows.count == weights.count)
        self.request = request
        self.rows = rows
        self.weights = weights
    }
}

/// What several requests need of the references on one rank: each used reference once, and where requests find theirs.
struct DistributionPlan: Sendable {
    struct Entry: Sendable {
        let loss: any DistributionLoss
        /// Into `DistributionPlan.references`.
        let references: [Int]
        /// Rows of this rank's range that the loss sees; they come first.
        let rowCount: Int
        let inverseTemperature: Float

        /// Tokens of a tile that the loss sees; `columns` count from the range's first token.
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
                    preconditionFailure("a loss asks for the reference \(name), which has no head here")
                }
                precondition(head.hidden.rowCount == rowCount, "\(name): other scored rows than the policy's")
                used.append(head)
                return used.count - 1
            }
            for index in indices {
                precondition(used[index].weight.rowCount >= visible, "\(used[index].name): too few vocabulary rows")
            }
            return Entry(
                loss: request.loss, references: indices, rowCount: visible,
                inverseTemperature: Float(1 / request.loss.temperature))
        }
        references = used
    }

    var isEmpty: Bool { entries.isEmpty }
}
