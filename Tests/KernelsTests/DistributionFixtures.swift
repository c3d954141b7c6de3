import Foundation
import Tensors
import Testing

@testable import Kernels

// U hidden rows, D model width, V vocabulary size, S shared vocabulary.

/// A policy's and its teachers' heads: random hidden rows and weights, each model with a width of its own.
struct Models: Sendable {
    let rowCount: Int
    let sharedVocabulary: Int
    let hidden: Matrix
    let weight: Matrix
    /// "first", "second", ... with all their vocabulary rows.
    let teachers: [(name: String, hidden: Matrix, weight: WeightView)]
    /// The policy's bias and cap.
    var settings = LogitSettings()
    /// Each teacher's bias and cap.
    var teacherSettings: [LogitSettings]

    init(
        rowCount: Int, sharedVocabulary: Int, hidden: Matrix, weight: Matrix,
        teachers: [(hidden: Matrix, weight: WeightView)]
    ) {
        self.rowCount = rowCount
        self.sharedVocabulary = sharedVocabulary
        self.hidden = hidden
        self.weight = weight
        self.teachers = zip(["first", "second", "third"], teachers).map { ($0, $1.hidden, $1.weight) }
        teacherSettings = teachers.map { _ in LogitSettings() }
    }

    init(
        rowCount: Int, width: Int, vocabularySize: Int, teacherWidths: [Int], teacherVocabulary: Int? = nil,
        sharedVocabulary: Int? = nil
    ) {
        let teachers = teacherWidths.enumerated().map { index, teacherWidth in
            (
                hidden: randomMatrix(rowCount, teacherWidth, scale: 1.5, seed: 20 + UInt64(index)),
                weight: WeightView.floats(
                    randomMatrix(teacherVocabulary ?? vocabularySize, teacherWidth, seed: 30 + UInt64(index)))
            )
        }
        self.init(
            rowCount: rowCount, sharedVocabulary: sharedVocabulary ?? vocabularySize,
            hidden: randomMatrix(rowCount, width, seed: 10), weight: randomMatrix(vocabularySize, width, seed: 11),
            teachers: teachers)
    }

    var vocabularySize: Int { weight.rowCount }

    /// One row's shared logits of the policy and of each teacher, in Double.
    func logits(_ row: Int) -> (policy: [Double], teachers: [[Double]]) {
        func capped(_ products: [Double], _ settings: LogitSettings) -> [Double] {
            products.enumerated().map { settings.logit($1, token: $0) }
        }
        return (
            capped(products(row, hidden, weight), settings),
            zip(teachers, teacherSettings).map { capped(products(row, $0.hidden, Models.floats($0.weight)), $1) }
        )
    }

    /// ∂z/∂l of one row's shared policy logits.
    func slopes(_ row: Int) -> [Double] {
        products(row, hidden, weight).enumerated().map { settings.slope($1, token: $0) }
    }

    private func products(_ row: Int, _ hidden: Matrix, _ weight: Matrix) -> [Double] {
        (0..<sharedVocabulary).map { token in
            (0..<hidden.columnCount).reduce(0) { $0 + Double(hidden[row, $1]) * Double(weight[token, $1]) }
        }
    }

    /// The teachers' heads on the rank of `range`.
    func references(_ range: Range<Int>) -> [ReferenceHead] {
        let end = min(range.upperBound, sharedVocabulary)
        let own = min(range.lowerBound, end)..<end
        return zip(teachers, teacherSettings).map { teacher, settings in
            ReferenceHead(
                name: teacher.name, hidden: teacher.hidden, weight: teacher.weight.rows(own), bias: settings.bias(own),
                softCap: settings.softCap)
        }
    }

    func request(_ loss: any DistributionLoss) -> DistributionRequest {
        DistributionRequest(loss: loss, sharedVocabulary: sharedVocabulary)
    }

    /// The vocabulary on one, two and three ranks, cut unevenly, and on three of which one has no rows.
    var splits: [[Range<Int>]] {
        let (third, end) = (vocabularySize / 3, vocabularySize)
        return [
            [0..<end], [0..<third, third..<end], [0..<(third / 2), (third / 2)..<(end - 3), (end - 3)..<end],
            [0..<third, third..<third, third..<end],
        ]
    }

    private static func floats(_ view: WeightView) -> Matrix {
        switch view {
        case .floats(let matrix): matrix
        case .stored(let stored): KernelsTests.floats(of: stored)
        }
    }
}

/// How the head goes through a micro-batch: with each tile's logits computed again on the way back, or with those of a
/// panel of rows kept.
enum HeadRoute: CaseIterable {
    case tiles, panels
}

/// A loss over distributions on emulated tensor ranks: forward, reductions, the further pass, backward.
struct DistributionRun {
    /// For each loss `[U]`.
    private(set) var rows: [[DistributionRow]]
    /// `[U]` the policy's own statistics.
    private(set) var statistics: [RowStatistics] = []
    private(set) var hiddenGradient: Table
    let losses: [[Double]]
    let weightGradient, biasGradient: Matrix

    /// - Parameters:
    ///   - weights: `[U]` ∂total/∂loss, the same for each loss.
    ///   - targets: targets and the gradients of their log-probabilities; nil without.
    init(
        _ models: Models, losses: [any DistributionLoss], ranges: [Range<Int>], weights: [Float], targets: HeadCase? = nil,
        workers: Workers, route: HeadRoute = .tiles
    ) {
        let headTargets = targets?.targets ?? HeadTargets(rows: [], tokens: [], rowCount: models.rowCount)
        rows = losses.map { _ in [] }
        hiddenGradient = Table(rowCount: models.rowCount, columnCount: models.hidden.columnCount)
        weightGradient = Matrix(rowCount: models.vocabularySize, columnCount: models.hidden.columnCount)
        biasGradient = Matrix(rowCount: 1, columnCount: models.vocabularySize)
        let heads = ranges.map { _ in Head(workers: workers, softCap: models.settings.softCap) }
        let shares = ranges.map { _ in unwrittenMatrix(models.rowCount, models.hidden.columnCount) }
        let cut = models.rowCount / 3
        let parts = route == .tiles ? [0..<models.rowCount] : [0..<cut, cut..<models.rowCount]
        for part in parts {
            let (own, indices) = headTargets.part(part)
            let ranks = zip(heads, ranges).map { head, range in
                RankOfHead(
                    head: head, route: route, hidden: models.hidden.rows(part), weight: models.weight.rows(range),
                    bias: models.settings.bias(range), range: range, targets: own,
                    references: models.references(range).map { $0.rows(part) },
                    requests: losses.map { models.request($0) })
            }
            let (found, statistics) = DistributionRun.forward(ranks, losses, vocabularySize: models.vocabularySize)
            self.statistics += statistics
            for (index, own) in found.enumerated() { rows[index] += own }
            for (rank, share) in zip(ranks, shares) {
                rank.backward(
                    found, weights: Array(weights[part]), statistics: statistics,
                    gradients: indices.map { targets!.gradients[$0] }, hiddenGradient: share.rows(part),
                    weightGradient: weightGradient.rows(rank.range), biasGradient: biasGradient.columns(rank.range))
            }
        }
        self.losses = zip(losses, rows).map { loss, rows in rows.map { loss.loss($0) } }
        for share in shares { hiddenGradient = hiddenGradient + Table(share) }
    }

    private static func forward(
        _ ranks: [RankOfHead], _ losses: [any DistributionLoss], vocabularySize: Int
    ) -> (rows: [[DistributionRow]], statistics: [RowStatistics]) {
        let parts = ranks.map { $0.forward() }
        var rows = losses.indices.map { loss in combined(parts.map { $0.distributions[loss] }) }
        let further = ranks.map { $0.accumulate(rows) }
        for (index, loss) in losses.enumerated() where loss.sumCount > 0 {
            rows[index].setSums(added(further.map { $0[index] }), sumCount: loss.sumCount)
        }
        let statistics = combine(
            parts.map(\.statistics), targetRows: ranks[0].targets.rows, vocabularySize: vocabularySize
        ).rows
        return (rows, statistics)
    }

    /// The tensor ranks' maximum, sum and minimum.
    private static func combined(_ parts: [PartialDistributionStatistics]) -> [DistributionRow] {
        let maximum = parts[0].maximum.indices.map { index in parts.map { $0.maximum[index] }.max()! }
        let candidates = parts.map { $0.candidates(for: maximum) }
        return PartialDistributionStatistics.combined(
            maximum: maximum, sums: added(parts.map { $0.rescaled(to: maximum) }),
            mostProbable: candidates[0].indices.map { index in candidates.map { $0[index] }.min()! },
            referenceCount: parts[0].referenceCount)
    }

    private static func added(_ arrays: [[Double]]) -> [Double] {
        arrays[0].indices.map { index in arrays.reduce(0) { $0 + $1[index] } }
    }
}

/// One emulated tensor rank's head and what it is given, either way.
private struct RankOfHead {
    let head: Head
    let route: HeadRoute
    let hidden, weight: Matrix
    let bias: Matrix?
    let range: Range<Int>
    let targets: HeadTargets
    let references: [ReferenceHead]
    let requests: [DistributionRequest]

    func forward() -> (statistics: PartialRowStatistics, distributions: [PartialDistributionStatistics]) {
        switch route {
        case .tiles:
            head.forward(
                hidden, weight: .floats(weight), bias: bias, range: range, targets: targets, references: references,
                requests: requests)
        case .panels:
            head.forwardPanel(
                hidden, weight: weight, bias: bias, range: range, targets: targets, references: references,
                requests: requests)
        }
    }

    func accumulate(_ rows: [[DistributionRow]]) -> [[Double]] {
        switch route {
        case .tiles:
            head.accumulate(
                hidden, weight: .floats(weight), bias: bias, range: range, references: references, requests: requests,
                rows: rows)
        case .panels:
            head.accumulatePanel(
                rowCount: hidden.rowCount, range: range, references: references, requests: requests, rows: rows)
        }
    }

    func backward(
        _ rows: [[DistributionRow]], weights: [Float], statistics: [RowStatistics], gradients: [Float],
        hiddenGradient: Matrix, weightGradient: Matrix, biasGradient: Matrix
    ) {
        let distributions = zip(requests, rows).map { DistributionGradient(request: $0, rows: $1, weights: weights) }
        switch route {
        case .tiles:
            head.backward(
                hidden, weight: weight, bias: bias, range: range, targets: targets, logSumExp: statistics.map(\.logSumExp),
                gradients: gradients, hiddenGradient: hiddenGradient, weightGradient: weightGradient,
                biasGradient: biasGradient, references: references, distributions: distributions)
        case .panels:
            head.backwardPanel(
                hidden, weight: weight, range: range, targets: targets, logSumExp: statistics.map(\.logSumExp),
                gradients: gradients, hiddenGradient: hiddenGradient, weightGradient: weightGradient,
                biasGradient: biasGradient, references: references, distributions: distributions)
        }
    }
}

/// What a divergence of `models` should give, from whole rows of logits.
struct DistributionExpectation {
    private(set) var losses: [Double] = []
    /// Σ over rows of weight · loss, by hidden rows, by head weights and by the head's bias.
    let hiddenGradient, weightGradient, biasGradient: Table

    init(_ models: Models, _ divergence: DivergenceCase, weights: [Float]) {
        var slopes = Table(rowCount: models.rowCount, columnCount: models.vocabularySize)
        for row in 0..<models.rowCount {
            let logits = models.logits(row)
            losses.append(
                DistributionOracle.loss(
                    divergence.kind, policy: logits.policy, teachers: logits.teachers, weights: divergence.teacherWeights,
                    temperature: divergence.temperature, squared: divergence.temperatureSquared))
            let own = DistributionOracle.slopes(
                divergence.kind, policy: logits.policy, teachers: logits.teachers, weights: divergence.teacherWeights,
                temperature: divergence.temperature, squared: divergence.temperatureSquared)
            for (token, slope) in zip(own, models.slopes(row)).map({ $0 * $1 }).enumerated() {
                slopes[row, token] = Double(weights[row]) * slope
            }
        }
        hiddenGradient = Oracle.product(slopes, Table(models.weight))
        weightGradient = Oracle.product(Oracle.transposed(slopes), Table(models.hidden))
        biasGradient = Oracle.columnSums(slopes)
    }

    func expectAgreement(
        _ run: DistributionRun, gradientTolerance: Double = 1e-4, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let worst = zip(run.losses[0], losses).map { found, wanted in
            abs(found - wanted) / (1e-7 + 1e-5 * abs(wanted))
        }
        #expect(worst.count == losses.count && isFinite(worst), sourceLocation: sourceLocation)
        #expect(worst.max()! < 1, sourceLocation: sourceLocation)
        let hiddenError = relativeError(run.hiddenGradient.values.map { Float($0) }, hiddenGradient.values)
        #expect(hiddenError < gradientTolerance, sourceLocation: sourceLocation)
        let weightError = relativeError(run.weightGradient, weightGradient)
        #expect(weightError < gradientTolerance, sourceLocation: sourceLocation)
        let biasError = relativeError(run.biasGradient, biasGradient)
        #expect(biasError < gradientTolerance, sourceLocation: sourceLocation)
    }
}

/// A divergence's settings; two teachers have unequal weights.
struct DivergenceCase: Sendable, CustomTestStringConvertible {
    let kind: Divergence.Kind
    let temperature: Double
    let teacherCount: Int
    var temperatureSquared = true

    var teacherWeights: [Double] { Array([0.75, 1.5, 0.3].prefix(teacherCount)) }

    var loss: Divergence {
        Divergence(
            kind, teachers: Array(zip(["first", "second", "third"], teacherWeights)).map { (name: $0.0, weight: $0.1) },
            temperature: temperature, temperatureSquared: temperatureSquared)
    }

    var testDescription: String {
        "\(kind), T \(temperature)\(temperatureSquared ? ", T²" : ""), teachers \(teacherCount)"
    }

    static let kinds: [Divergence.Kind] = [
        .forwardKL, .reverseKL, .jensenShannon(beta: 0.1), .jensenShannon(beta: 0.5), .jensenShannon(beta: 0.9),
    ]

    static let all = [1, 2].flatMap { teacherCount in
        [0.5, 1, 2.5].flatMap { temperature in
            kinds.map {
                DivergenceCase(
                    kind: $0, temperature: temperature, teacherCount: teacherCount, temperatureSquared: teacherCount == 1)
            }
        }
    }

    /// One of each kind.
    static let few = [
        DivergenceCase(kind: .forwardKL, temperature: 2.5, teacherCount: 1),
        DivergenceCase(kind: .reverseKL, temperature: 1, teacherCount: 1),
        DivergenceCase(kind: .jensenShannon(beta: 0.1), temperature: 0.5, teacherCount: 1),
    ]
}

/// `[U]` weights of rows, some 0.
func rowWeights(_ count: Int) -> [Float] { (0..<count).map { $0 % 5 == 3 ? 0 : Float($0 % 7) - 2.5 } }
