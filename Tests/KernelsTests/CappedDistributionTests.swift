import Tensors
import Testing

@testable import Kernels

/// Losses over distributions when the models' heads have caps and biases of their own.
@Suite struct CappedDistributionTests {
    private let workers = makeWorkers()

    /// A policy and two teachers. Hidden rows are large enough for logits well beyond a cap of 5.
    private func models(_ policy: LogitSettings, _ teachers: [LogitSettings]) -> Models {
        var models = Models(
            rowCount: 21, sharedVocabulary: 2290, hidden: randomMatrix(21, 9, scale: 3, seed: 10),
            weight: randomMatrix(2301, 9, seed: 11),
            teachers: [
                (hidden: randomMatrix(21, 5, scale: 4, seed: 20), weight: .floats(randomMatrix(2290, 5, seed: 30))),
                (hidden: randomMatrix(21, 7, scale: 4, seed: 21), weight: .floats(randomMatrix(2295, 7, seed: 31))),
            ])
        models.settings = policy
        models.teacherSettings = teachers
        return models
    }

    private func bias(_ count: Int, seed: UInt64) -> Matrix { randomMatrix(1, count, scale: 2, seed: seed) }

    @Test("losses and gradients are the oracle's where each model has its own cap and bias", arguments: DivergenceCase.kinds)
    func oracle(kind: Divergence.Kind) {
        let cases = [
            models(LogitSettings(softCap: 5), [LogitSettings(), LogitSettings(softCap: 30)]),
            models(
                LogitSettings(bias: bias(2301, seed: 1)),
                [LogitSettings(softCap: 5), LogitSettings(bias: bias(2295, seed: 2))]),
            models(
                LogitSettings(bias: bias(2301, seed: 1), softCap: 30),
                [LogitSettings(bias: bias(2290, seed: 3), softCap: 5), LogitSettings(softCap: 30)]),
        ]
        let divergence = DivergenceCase(kind: kind, temperature: 1.5, teacherCount: 2)
        for models in cases {
            let expected = DistributionExpectation(models, divergence, weights: rowWeights(21))
            for (ranges, route) in models.splits.flatMap({ ranges in HeadRoute.allCases.map { (ranges, $0) } }) {
                expected.expectAgreement(
                    DistributionRun(
                        models, losses: [divergence.loss], ranges: ranges, weights: rowWeights(21), workers: workers,
                        route: route))
            }
        }
    }

    @Test("gradients of log-probabilities and of distributions add up under a cap", arguments: HeadRoute.allCases)
    func bothGradients(route: HeadRoute) {
        let head = HeadCase(rowCount: 21, width: 9, vocabularySize: 2301, hiddenScale: 3, hasBias: true, softCap: 5)
        var models = Models(
            rowCount: 21, sharedVocabulary: 2200, hidden: head.hidden, weight: head.weight,
            teachers: [(hidden: randomMatrix(21, 5, seed: 8), weight: .floats(randomMatrix(2301, 5, seed: 9)))])
        models.settings = head.settings
        let divergence = DivergenceCase(kind: .reverseKL, temperature: 2.5, teacherCount: 1)
        let likelihood = Oracle.headBackward(head)
        let distribution = DistributionExpectation(models, divergence, weights: rowWeights(21))
        for ranges in models.splits {
            let run = DistributionRun(
                models, losses: [divergence.loss], ranges: ranges, weights: rowWeights(21), targets: head, workers: workers,
                route: route)
            let hidden = likelihood.hidden + distribution.hiddenGradient
            #expect(relativeError(run.hiddenGradient.values.map { Float($0) }, hidden.values) < 2e-5)
            #expect(relativeError(run.weightGradient, likelihood.weight + distribution.weightGradient) < 2e-5)
            #expect(relativeError(run.biasGradient, likelihood.bias + distribution.biasGradient) < 2e-5)
        }
    }

    @Test("a teacher with the policy's weights, bias and cap has a divergence of exactly 0", arguments: HeadRoute.allCases)
    func equalModels(route: HeadRoute) {
        let (hidden, weight) = (randomMatrix(21, 9, scale: 3, seed: 1), randomMatrix(2301, 9, seed: 2))
        var models = Models(
            rowCount: 21, sharedVocabulary: 2301, hidden: hidden, weight: weight, teachers: [(hidden, .floats(weight))])
        models.settings = LogitSettings(bias: bias(2301, seed: 3), softCap: 30)
        models.teacherSettings = [models.settings]
        let divergence = DivergenceCase(kind: .forwardKL, temperature: 1, teacherCount: 1)
        for ranges in models.splits {
            let run = DistributionRun(
                models, losses: [divergence.loss], ranges: ranges, weights: rowWeights(21), workers: workers, route: route)
            #expect(run.rows[0].allSatisfy { $0.references[0].forwardDivergence == 0 })
            #expect(run.rows[0].allSatisfy { $0.references[0].reverseDivergence == 0 })
        }
    }

    @Test("gradients under caps are the slopes of the loss", arguments: HeadRoute.allCases)
    func slopes(route: HeadRoute) {
        var models = Models(rowCount: 5, width: 4, vocabularySize: 37, teacherWidths: [3, 6], sharedVocabulary: 33)
        models.settings = LogitSettings(bias: randomMatrix(1, 37, scale: 4, seed: 1), softCap: 5)
        models.teacherSettings = [LogitSettings(softCap: 2), LogitSettings(bias: randomMatrix(1, 37, seed: 2))]
        let divergence = DivergenceCase(kind: .jensenShannon(beta: 0.3), temperature: 1, teacherCount: 2)
        func total(_ hidden: Table, _ weight: Table, _ bias: Table) -> Double {
            let logits = Oracle.capped(Oracle.linear(hidden, weight: weight, bias: bias), 5)
            return (0..<5).reduce(0) { total, row in
                total + Double(rowWeights(5)[row])
                    * DistributionOracle.loss(
                        divergence.kind, policy: (0..<33).map { logits[row, $0] }, teachers: models.logits(row).teachers,
                        weights: divergence.teacherWeights, temperature: 1, squared: true)
            }
        }
        let (hidden, weight, bias) = (Table(models.hidden), Table(models.weight), Table(models.settings.bias!))
        let hiddenSlopes = numericalGradient(at: hidden) { total($0, weight, bias) }
        let weightSlopes = numericalGradient(at: weight) { total(hidden, $0, bias) }
        let biasSlopes = numericalGradient(at: bias) { total(hidden, weight, $0) }
        for ranges in models.splits {
            let run = DistributionRun(
                models, losses: [divergence.loss], ranges: ranges, weights: rowWeights(5), workers: workers, route: route)
            #expect(relativeError(run.hiddenGradient.values.map { Float($0) }, hiddenSlopes.values) < 1e-5)
            #expect(relativeError(run.weightGradient, weightSlopes) < 1e-5)
            #expect(relativeError(run.biasGradient, biasSlopes) < 1e-5)
        }
    }
}
