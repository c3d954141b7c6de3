import Foundation
import Tensors
import Testing

@testable import Kernels

@Suite struct DivergenceTests {
    private let workers = makeWorkers()

    private func expectOracle(
        _ models: Models, _ divergence: DivergenceCase, gradientTolerance: Double = 1e-4,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let weights = rowWeights(models.rowCount)
        let expected = DistributionExpectation(models, divergence, weights: weights)
        for (ranges, route) in models.splits.flatMap({ ranges in HeadRoute.allCases.map { (ranges, $0) } }) {
            let run = DistributionRun(
                models, losses: [divergence.loss], ranges: ranges, weights: weights, workers: workers, route: route)
            expected.expectAgreement(run, gradientTolerance: gradientTolerance, sourceLocation: sourceLocation)
        }
    }

    @Test("losses and gradients are the oracle's, on one, two and three ranks", arguments: DivergenceCase.all)
    func oracle(divergence: DivergenceCase) {
        expectOracle(
            Models(
                rowCount: 33, width: 17, vocabularySize: 301,
                teacherWidths: divergence.teacherCount == 1 ? [25] : [9, 33]),
            divergence)
    }

    @Test("more rows and more vocabulary than a tile", arguments: DivergenceCase.few)
    func tiles(divergence: DivergenceCase) {
        expectOracle(Models(rowCount: 301, width: 9, vocabularySize: 4999, teacherWidths: [5]), divergence)
    }

    @Test("more rows than a backward panel", arguments: DivergenceCase.few)
    func panels(divergence: DivergenceCase) {
        expectOracle(Models(rowCount: 2100, width: 5, vocabularySize: 61, teacherWidths: [3]), divergence)
    }

    @Test(
        "tokens that not all models know are left out, whoever has them",
        arguments: DivergenceCase.few, [(301, 290), (280, 280), (280, 150), (301, 1)])
    func sharedVocabulary(divergence: DivergenceCase, sizes: (teacher: Int, shared: Int)) {
        expectOracle(
            Models(
                rowCount: 20, width: 17, vocabularySize: 301, teacherWidths: [9], teacherVocabulary: sizes.teacher,
                sharedVocabulary: sizes.shared),
            divergence)
    }

    @Test("a teacher stored as bfloat16 is widened a tile at a time", arguments: DivergenceCase.few)
    func storedTeacher(divergence: DivergenceCase) {
        let stored = randomStoredMatrix(2301, 9, type: .bfloat16, byteOffset: 6, seed: 8)
        expectOracle(
            Models(
                rowCount: 40, sharedVocabulary: 2301, hidden: randomMatrix(40, 17, seed: 1),
                weight: randomMatrix(2301, 17, seed: 2),
                teachers: [(hidden: randomMatrix(40, 9, seed: 3), weight: .stored(stored))]),
            divergence)
    }

    /// Where p and q hardly overlap, the gradient of Jensen–Shannon is a small remainder of terms that cancel.
    @Test("distributions with next to nothing in common stay near the oracle", arguments: DivergenceCase.all)
    func farApart(divergence: DivergenceCase) {
        let teachers = (0..<divergence.teacherCount).map { index in
            (
                hidden: randomMatrix(20, 2, scale: 60, seed: 40 + UInt64(index)),
                weight: WeightView.floats(randomMatrix(101, 2, seed: 50 + UInt64(index)))
            )
        }
        expectOracle(
            Models(
                rowCount: 20, sharedVocabulary: 101, hidden: randomMatrix(20, 2, scale: 60, seed: 1),
                weight: randomMatrix(101, 2, seed: 2), teachers: teachers),
            divergence, gradientTolerance: 1e-3)
    }

    @Test("models close to each other keep their small losses and gradients", arguments: DivergenceCase.kinds)
    func closeTogether(kind: Divergence.Kind) {
        let hidden = randomMatrix(30, 17, seed: 1)
        let weight = randomMatrix(2301, 17, seed: 2)
        let noise = randomMatrix(2301, 17, scale: 1e-3, seed: 3)
        let moved = Matrix(rowCount: 2301, columnCount: 17)
        for index in 0..<moved.elementCount { moved.pointer[index] = weight.pointer[index] + noise.pointer[index] }
        let models = Models(
            rowCount: 30, sharedVocabulary: 2301, hidden: hidden, weight: weight,
            teachers: [(hidden: hidden, weight: .floats(moved))])
        let divergence = DivergenceCase(kind: kind, temperature: 1, teacherCount: 1)
        let weights = [Float](repeating: 1, count: 30)
        let expected = DistributionExpectation(models, divergence, weights: weights)
        #expect(expected.losses.max()! < 1e-5)
        for (ranges, route) in models.splits.flatMap({ ranges in HeadRoute.allCases.map { (ranges, $0) } }) {
            let run = DistributionRun(
                models, losses: [divergence.loss], ranges: ranges, weights: weights, workers: workers, route: route)
            #expect(largestDifference(run.losses[0], expected.losses) < 1e-7)
            #expect(relativeError(run.weightGradient, expected.weightGradient) < 1e-3)
        }
    }

    @Test("a teacher of the same bits gives exactly zero loss and gradient", arguments: DivergenceCase.all)
    func equalModels(divergence: DivergenceCase) {
        let hidden = randomMatrix(301, 17, scale: 3, seed: 1)
        let weight = randomMatrix(4999, 17, seed: 2)
        let models = Models(
            rowCount: 301, sharedVocabulary: 4999, hidden: hidden, weight: weight,
            teachers: [(hidden: Matrix, weight: WeightView)](
                repeating: (hidden, .floats(weight)), count: divergence.teacherCount))
        for (ranges, route) in models.splits.prefix(3).flatMap({ ranges in HeadRoute.allCases.map { (ranges, $0) } }) {
            let run = DistributionRun(
                models, losses: [divergence.loss], ranges: ranges, weights: rowWeights(301), workers: workers, route: route)
            #expect(run.losses[0] == [Double](repeating: 0, count: 301))
            #expect(run.hiddenGradient.values.allSatisfy { $0 == 0 })
            #expect(run.weightGradient.values.allSatisfy { $0 == 0 })
        }
    }

    /// Logits in steps of 1/16, exact in float even beside 4,096, so that nothing but the kernel could round the offset in.
    @Test("a constant between the models' logits costs no precision", arguments: DivergenceCase.few)
    func offset(divergence: DivergenceCase) {
        func stepped(_ rowCount: Int, seed: UInt64, steps: Float) -> Matrix {
            let matrix = randomMatrix(rowCount, 6, scale: 1, seed: seed)
            for index in 0..<matrix.elementCount {
                matrix.pointer[index] = (matrix.pointer[index] * 2 * steps).rounded() / steps
            }
            return matrix
        }
        let (hidden, weight) = (stepped(40, seed: 1, steps: 4), stepped(2301, seed: 2, steps: 4))
        let (teacherHidden, teacherWeight) = (stepped(40, seed: 3, steps: 4), stepped(2301, seed: 4, steps: 4))
        for row in 0..<40 { teacherHidden[row, 0] = 1 }
        func run(offset: Float) -> (Models, DistributionRun) {
            let moved = unwrittenMatrix(2301, 6)
            moved.copy(from: teacherWeight)
            for token in 0..<2301 { moved[token, 0] += offset }
            let models = Models(
                rowCount: 40, sharedVocabulary: 2301, hidden: hidden, weight: weight,
                teachers: [(hidden: teacherHidden, weight: .floats(moved))])
            return (
                models,
                DistributionRun(
                    models, losses: [divergence.loss], ranges: models.splits[1], weights: rowWeights(40), workers: workers)
            )
        }
        let (without, with) = (run(offset: 0), run(offset: 4096))
        DistributionExpectation(with.0, divergence, weights: rowWeights(40)).expectAgreement(with.1)
        #expect(with.1.losses == without.1.losses)
        #expect(bits(with.1.weightGradient) == bits(without.1.weightGradient))
    }

    @Test("the oracle's gradient is its loss's slope", arguments: DivergenceCase.all)
    func slopes(divergence: DivergenceCase) {
        let logits = Models(rowCount: 1, width: 9, vocabularySize: 13, teacherWidths: [5, 7]).logits(0)
        let teachers = Array(logits.teachers.prefix(divergence.teacherCount))
        var point = Table(rowCount: 1, columnCount: 13)
        point.values = logits.policy
        let expected = numericalGradient(at: point) { moved in
            DistributionOracle.loss(
                divergence.kind, policy: moved.values, teachers: teachers, weights: divergence.teacherWeights,
                temperature: divergence.temperature, squared: divergence.temperatureSquared)
        }
        let found = DistributionOracle.slopes(
            divergence.kind, policy: logits.policy, teachers: teachers, weights: divergence.teacherWeights,
            temperature: divergence.temperature, squared: divergence.temperatureSquared)
        #expect(largestDifference(found, expected.values) < 1e-7 * (1 + euclideanNorm(expected.values)))
        #expect(euclideanNorm(expected.values) > 1e-3)
    }
}
