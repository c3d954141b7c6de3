import Foundation
import Tensors
import Testing

@testable import Kernels

// G key/value heads, J query heads a group, E head dimension.

/// The scale of scores, their soft cap, and sinks.
@Suite struct AttentionScoreTests {
    private let workers = makeWorkers()
    private static let shape = AttentionShape(groupCount: 2, headsPerGroup: 3, headDimension: 6)
    private static let rules = [
        AttentionRules(scale: 0.3), AttentionRules(softCap: 50), AttentionRules(softCap: 2),
        AttentionRules(scale: 0.7, softCap: 5), AttentionRules(window: 7, softCap: 3),
        AttentionRules(window: 100, scale: 0.2, softCap: 1),
    ]

    @Test(
        "outputs, log-sum-exp and gradients are the oracle's, with and without sinks", arguments: AxisLayout.all,
        rules + [AttentionRules(), AttentionRules(window: 1), AttentionRules(window: 70)])
    func everyRule(layout: AxisLayout, rules: AttentionRules) {
        for hasSinks in [false, true] {
            AttentionRun(shape: Self.shape.with(rules), layout: layout, hasSinks: hasSinks, workers: workers).expectAgreement()
        }
    }

    @Test("long units are cut into tasks and agree with the oracle", arguments: rules)
    func longUnits(rules: AttentionRules) {
        let shape = AttentionShape(groupCount: 1, headsPerGroup: 2, headDimension: 8, rules: rules)
        let layout = AxisLayout(.prompt(500, completions: [300, 1, 250]), .document(40))
        AttentionRun(shape: shape, layout: layout, scale: 1, hasSinks: true, workers: workers).expectAgreement()
    }

    @Test("gradients of queries, keys, values and sinks are the slopes of the output", arguments: rules)
    func slopes(rules: AttentionRules) {
        let shape = AttentionShape(groupCount: 2, headsPerGroup: 2, headDimension: 6, rules: rules)
        let layout = AxisLayout(.prompt(5, completions: [4, 3]), .document(2))
        let run = AttentionRun(shape: shape, layout: layout, hasSinks: true, workers: workers)
        let (slope, sinks) = (Table(run.outputGradient), Table(run.sinks!))
        let projections = Table(run.projections)
        let slopes = numericalGradient(at: projections) {
            Oracle.attention($0, segments: layout.segments, shape: shape, sinks: sinks).output.dot(slope)
        }
        #expect(run.gradientError(slopes) < 3e-6)
        let sinkSlopes = numericalGradient(at: sinks) {
            Oracle.attention(projections, segments: layout.segments, shape: shape, sinks: $0).output.dot(slope)
        }
        #expect(relativeError(run.sinkGradient, sinkSlopes) < 3e-6)
    }

    @Test("the scale 1/√E gives the bits of no scale")
    func usualScale() {
        let layout = AxisLayout(.prompt(33, completions: [70, 9]))
        let usual = AttentionRun(shape: Self.shape, layout: layout, workers: workers)
        let given = AttentionRun(
            shape: Self.shape.with(AttentionRules(scale: 1 / 6.0.squareRoot())), layout: layout, workers: workers)
        #expect(bits(given.output) == bits(usual.output) && bits(given.gradient) == bits(usual.gradient))
    }

    @Test("sinks far below every score change nothing, and sinks far above leave no output")
    func extremeSinks() {
        let layout = AxisLayout(.document(40))
        func run(_ sink: Float?) -> AttentionRun {
            let sinks = sink.map { value in
                let matrix = Matrix(rowCount: 1, columnCount: Self.shape.headCount)
                matrix.fill(value)
                return matrix
            }
            return AttentionRun(
                shape: Self.shape, segments: layout.segments,
                projections: randomMatrix(layout.tokenCount, Self.shape.projectionWidth, seed: 1),
                outputGradient: randomMatrix(layout.tokenCount, Self.shape.queryWidth, seed: 2), sinks: sinks, workers: workers)
        }
        #expect(largestDifference(run(-80).output.values.map(Double.init), run(nil).output.values.map(Double.init)) < 1e-6)
        let high = run(80)
        #expect(high.output.values.allSatisfy { abs($0) < 1e-30 })
        #expect(isFinite(high.gradient.values) && high.gradient.values.allSatisfy { abs($0) < 1e-30 })
        #expect(isFinite(high.sinkGradient.values))
    }

    @Test("gradients of sinks are added to those that are there, for queries of a plan only")
    func addedSinkGradients() {
        let shape = Self.shape
        let (layout, positions) = (AxisLayout(.document(50)), [3, 4, 30, 49])
        let whole = AttentionRun(shape: shape, layout: layout, hasSinks: true, workers: workers)
        let outputGradient = Table(whole.outputGradient)
        var selected = Table(rowCount: 50, columnCount: shape.queryWidth)
        for token in positions {
            for column in 0..<shape.queryWidth { selected[token, column] = outputGradient[token, column] }
        }
        let sinkGradient = Matrix(rowCount: 1, columnCount: shape.headCount)
        sinkGradient.fill(10)
        shape.attention(workers: workers).backward(
            whole.outputGradient, projections: whole.projections, sinks: whole.sinks, output: whole.output,
            logSumExp: whole.logSumExp, plan: AttentionPlan(layout.segments, queriesAt: positions),
            into: unwrittenMatrix(50, shape.projectionWidth), sinkGradient: sinkGradient)
        let expected = Oracle.attentionBackward(
            selected, projections: Table(whole.projections), segments: layout.segments, shape: shape, sinks: Table(whole.sinks!))
        let values = expected.sinkGradient.values.map { $0 + 10 }
        #expect(largestDifference(sinkGradient.values.map(Double.init), values) < 1e-5)
    }

    @Test("large scores under a cap stay finite")
    func largeScores() {
        let shape = Self.shape.with(AttentionRules(softCap: 50))
        let layout = AxisLayout(.prompt(9, completions: [70, 3]))
        let run = AttentionRun(shape: shape, layout: layout, scale: 1e3, workers: workers)
        #expect(isFinite(run.output.values) && isFinite(run.gradient.values))
    }

    @Test("the hyperbolic tangent's relative error is below 4e-7, near 0 too, and NaN stays NaN")
    func hyperbolicTangent() {
        var largest = 0.0
        for sign in [-1.0, 1] {
            for power in 0..<10_000 {
                let x = Float(sign * pow(10, -30 + Double(power) / 300))
                let error = abs(Double(Tensors.hyperbolicTangent(Float8(repeating: x))[3]) / tanh(Double(x)) - 1)
                if !(error <= largest) { largest = error.isNaN ? .infinity : error }
            }
        }
        #expect(largest < 4e-7)
        #expect(Tensors.hyperbolicTangent(Float8.zero) == Float8.zero)
        #expect(Tensors.hyperbolicTangent(Float8(repeating: .nan))[0].isNaN)
        #expect(Tensors.hyperbolicTangent(Float8(repeating: -.infinity))[0] == -1)
    }
}
