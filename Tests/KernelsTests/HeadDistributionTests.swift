import Foundation
import Tensors
import Testing

@testable import Kernels

@Suite struct HeadDistributionTests {
    private let workers = makeWorkers()

    private func divergence(
        _ kind: Divergence.Kind, _ names: [String] = ["first"], temperature: Double = 1
    ) -> Divergence {
        Divergence(kind, teachers: names.map { ($0, 1) }, temperature: temperature, temperatureSquared: false)
    }

    @Test("entropy, divergences and arg-max of each row are the oracle's", arguments: [0.5, 1, 2.5])
    func statistics(temperature: Double) {
        let models = Models(
            rowCount: 20, width: 17, vocabularySize: 2301, teacherWidths: [9, 5], teacherVocabulary: 2290,
            sharedVocabulary: 2283)
        let loss = divergence(.forwardKL, ["second", "first"], temperature: temperature)
        for ranges in models.splits {
            let run = DistributionRun(models, losses: [loss], ranges: ranges, weights: rowWeights(20), workers: workers)
            for row in 0..<20 {
                let (found, logits) = (run.rows[0][row], models.logits(row))
                let p = DistributionOracle.logProbabilities(logits.policy, temperature: temperature)
                #expect(found.policyMostProbable == p.firstIndex(of: p.max()!))
                // The most probable token's log-probability: there a tile shows a logit of 0.
                #expect(abs(found.policyLogSumExp + p.max()!) < 5e-6)
                #expect(abs(found.policyMaximum - logits.policy.max()!) < 5e-6)
                for (reference, teacher) in zip(found.references, [logits.teachers[1], logits.teachers[0]]) {
                    let q = DistributionOracle.logProbabilities(teacher, temperature: temperature)
                    let entropy = -q.reduce(0) { $0 + exp($1) * $1 }
                    #expect(reference.mostProbable == q.firstIndex(of: q.max()!))
                    #expect(abs(reference.logSumExp + q.max()!) < 5e-6)
                    #expect(abs(reference.maximum - teacher.max()!) < 5e-6)
                    #expect(abs(reference.entropy - entropy) < 1e-5 * entropy)
                    let (forward, reverse) = (
                        DistributionOracle.kullbackLeibler(q, p), DistributionOracle.kullbackLeibler(p, q)
                    )
                    #expect(abs(reference.forwardDivergence - forward) < 1e-5 * forward)
                    #expect(abs(reference.reverseDivergence - reverse) < 1e-5 * reverse)
                }
            }
        }
    }

    @Test("the policy's own statistics and targets are the same bits with references beside it")
    func policyUnchanged() {
        let head = HeadCase(rowCount: 301, width: 17, vocabularySize: 4999)
        let models = Models(
            rowCount: 301, sharedVocabulary: 4500, hidden: head.hidden, weight: head.weight,
            teachers: [(hidden: randomMatrix(301, 5, seed: 8), weight: .floats(randomMatrix(4999, 5, seed: 9)))])
        for range in [0..<4999, 1000..<4800] {
            let weight = WeightView.floats(head.weight.rows(range))
            let alone = Head(workers: workers).forward(head.hidden, weight: weight, range: range, targets: head.targets)
            let beside = Head(workers: workers).forward(
                head.hidden, weight: weight, range: range, targets: head.targets,
                references: models.references(range), requests: [models.request(divergence(.forwardKL))]
            ).statistics
            #expect(alone.maximum == beside.maximum)
            #expect(alone.mostProbable == beside.mostProbable)
            #expect(alone.rescaled(to: alone.maximum) == beside.rescaled(to: alone.maximum))
        }
    }

    @Test("gradients of log-probabilities and of distributions add up", arguments: HeadRoute.allCases)
    func bothGradients(route: HeadRoute) {
        let head = HeadCase(rowCount: 301, width: 9, vocabularySize: 2301)
        let models = Models(
            rowCount: 301, sharedVocabulary: 2200, hidden: head.hidden, weight: head.weight,
            teachers: [(hidden: randomMatrix(301, 5, seed: 8), weight: .floats(randomMatrix(2301, 5, seed: 9)))])
        let (weights, loss) = (rowWeights(301), divergence(.reverseKL, temperature: 2.5))
        let silent = [Float](repeating: 0, count: 301)
        for ranges in models.splits {
            func run(_ losses: [any DistributionLoss], _ weights: [Float], _ targets: HeadCase?) -> DistributionRun {
                DistributionRun(
                    models, losses: losses, ranges: ranges, weights: weights, targets: targets, workers: workers, route: route)
            }
            let both = run([loss], weights, head)
            let (first, second) = (run([], silent, head), run([loss], weights, nil))
            #expect(
                relativeError(
                    both.hiddenGradient.values.map { Float($0) }, (first.hiddenGradient + second.hiddenGradient).values) < 1e-6)
            #expect(relativeError(both.weightGradient, Table(first.weightGradient) + Table(second.weightGradient)) < 1e-6)
            #expect(bits(run([loss], silent, head).weightGradient) == bits(first.weightGradient))
        }
    }

    @Test("several losses at once give each its own numbers, and their gradients add up", arguments: HeadRoute.allCases)
    func severalLosses(route: HeadRoute) {
        let models = Models(rowCount: 33, width: 17, vocabularySize: 2301, teacherWidths: [9, 5])
        let losses: [any DistributionLoss] = [
            divergence(.jensenShannon(beta: 0.3), ["second"], temperature: 2), divergence(.forwardKL, ["first", "second"]),
            HalfSquaredDistance(), divergence(.reverseKL, ["first"], temperature: 0.5),
        ]
        let (weights, ranges) = (rowWeights(33), models.splits[1])
        let together = DistributionRun(
            models, losses: losses, ranges: ranges, weights: weights, workers: workers, route: route)
        var gradient = Table(rowCount: 2301, columnCount: 17)
        for (index, loss) in losses.enumerated() {
            let alone = DistributionRun(
                models, losses: [loss], ranges: ranges, weights: weights, workers: workers, route: route)
            #expect(alone.rows[0] == together.rows[index])
            #expect(alone.losses[0] == together.losses[index])
            gradient = gradient + Table(alone.weightGradient)
        }
        #expect(relativeError(together.weightGradient, gradient) < 1e-6)
    }

    @Test("a user's own loss with a sum of its own is its oracle's, and its gradient its slope", arguments: HeadRoute.allCases)
    func ownLoss(route: HeadRoute) {
        let models = Models(
            rowCount: 7, width: 5, vocabularySize: 2061, teacherWidths: [3, 4], sharedVocabulary: 2050)
        func total(hidden: Table) -> Double {
            (0..<7).reduce(0) { total, row in
                let teachers = models.logits(row).teachers
                let policy = (0..<2050).map { token in
                    (0..<5).reduce(0) { $0 + hidden[row, $1] * Double(models.weight[token, $1]) }
                }
                let p = DistributionOracle.logProbabilities(policy, temperature: HalfSquaredDistance.oneAndHalf)
                let q = DistributionOracle.logProbabilities(teachers[1], temperature: HalfSquaredDistance.oneAndHalf)
                let distance = zip(p, q).reduce(0) { $0 + (exp($1.0) - exp($1.1)) * (exp($1.0) - exp($1.1)) / 2 }
                return total + Double(rowWeights(7)[row]) * distance
            }
        }
        let slope = numericalGradient(at: Table(models.hidden)) { total(hidden: $0) }
        for ranges in models.splits {
            let run = DistributionRun(
                models, losses: [HalfSquaredDistance()], ranges: ranges, weights: rowWeights(7), workers: workers, route: route)
            let found = zip(run.losses[0], rowWeights(7)).reduce(0) { $0 + $1.0 * Double($1.1) }
            let wanted = total(hidden: Table(models.hidden))
            #expect(abs(found - wanted) < 1e-5 * abs(wanted))
            #expect(relativeError(run.hiddenGradient.values.map { Float($0) }, slope.values) < 1e-4)
        }
    }

    @Test("a loss without references sees the policy alone", arguments: HeadRoute.allCases)
    func noReferences(route: HeadRoute) {
        let models = Models(rowCount: 33, width: 17, vocabularySize: 2301, teacherWidths: [])
        let weights = [Float](repeating: 1, count: 33)
        for ranges in models.splits {
            let run = DistributionRun(
                models, losses: [NegativeEntropy()], ranges: ranges, weights: weights, workers: workers, route: route)
            #expect(largestDifference(run.losses[0], run.statistics.map { -$0.entropy }) < 5e-6)
        }
    }

    @Test("without scored rows there are no rows and nothing changes", arguments: HeadRoute.allCases)
    func noRows(route: HeadRoute) {
        let models = Models(rowCount: 0, width: 5, vocabularySize: 37, teacherWidths: [3])
        let run = DistributionRun(
            models, losses: [divergence(.jensenShannon(beta: 0.5))], ranges: models.splits[1], weights: [], workers: workers, route: route)
        #expect(run.rows == [[]])
        #expect(run.weightGradient.values.allSatisfy { $0 == 0 })
    }

    @Test("NaN in one model's row makes that row's loss NaN and no other's", arguments: DivergenceCase.kinds, HeadRoute.allCases)
    func notANumber(kind: Divergence.Kind, route: HeadRoute) {
        let models = Models(rowCount: 9, width: 5, vocabularySize: 37, teacherWidths: [3])
        models.teachers[0].hidden[4, 1] = .nan
        models.hidden[6, 1] = .nan
        let run = DistributionRun(
            models, losses: [divergence(kind)], ranges: [0..<37], weights: rowWeights(9), workers: workers, route: route)
        #expect(run.losses[0].map(\.isNaN) == (0..<9).map { $0 == 4 || $0 == 6 })
    }
}

/// ½ Σ (p − q)² with the second teacher: a loss that needs a sum of its own, Σ p (p − q), for its gradient.
private struct HalfSquaredDistance: DistributionLoss {
    static let oneAndHalf = 1.5
    let references = ["second"]
    let temperature = oneAndHalf
    let sumCount = 2

    private func probabilities(_ tile: DistributionTile, _ row: DistributionRow, _ index: Int) -> (p: Double, q: Double) {
        (
            exp(Double(tile.policy[index]) - row.policyLogSumExp),
            exp(Double(tile.reference(0)[index]) - row.references[0].logSumExp)
        )
    }

    func accumulate(_ tile: DistributionTile, row: DistributionRow, into sums: inout MutableSpan<Double>) {
        for index in 0..<tile.count {
            let (p, q) = probabilities(tile, row, index)
            sums[0] += (p - q) * (p - q) / 2
            sums[1] += p * (p - q)
        }
    }

    func loss(_ row: DistributionRow) -> Double { row.sums[0] }

    func addGradient(_ tile: DistributionTile, row: DistributionRow, weight: Float, to gradient: MutableLogitRow) {
        for index in 0..<tile.count {
            let (p, q) = probabilities(tile, row, index)
            gradient[index] += weight * Float(p * (p - q - row.sums[1]) / temperature)
        }
    }
}

/// Σ p log p
private struct NegativeEntropy: DistributionLoss {
    let references: [String] = []
    let temperature = 1.0
    let sumCount = 1

    func accumulate(_ tile: DistributionTile, row: DistributionRow, into sums: inout MutableSpan<Double>) {
        for index in 0..<tile.count {
            let logarithm = Double(tile.policy[index]) - row.policyLogSumExp
            sums[0] += exp(logarithm) * logarithm
        }
    }

    func loss(_ row: DistributionRow) -> Double { row.sums[0] }

    func addGradient(_ tile: DistributionTile, row: DistributionRow, weight: Float, to gradient: MutableLogitRow) {
        for index in 0..<tile.count {
            let logarithm = Double(tile.policy[index]) - row.policyLogSumExp
            gradient[index] += weight * Float(exp(logarithm) * (logarithm - row.sums[0]))
        }
    }
}
