import Tensors
import Testing

@testable import Kernels

/// Tokens of an axis that have queries.
enum QuerySelection: CaseIterable, Sendable {
    case all, none, everyThird, last, secondHalf, secondSegment

    func positions(_ layout: AxisLayout) -> [Int] {
        let count = layout.tokenCount
        return (0..<count).filter { token in
            switch self {
            case .all: true
            case .none: false
            case .everyThird: token % 3 == 1
            case .last: token == count - 1
            case .secondHalf: token >= count / 2
            case .secondSegment: layout.segments.dropFirst().first?.range.contains(token) ?? false
            }
        }
    }
}

@Suite struct AttentionPositionsTests {
    private let workers = makeWorkers()
    /// Cut into several tasks, and more keys than one thread adds up.
    private static let longPairs = AxisLayout(.prompt(300, completions: [210, 130]), .document(20))

    /// Queries and gradients of other tokens are NaN: nothing may read them.
    @Test(
        "queries at some positions: outputs there, and all gradients of keys and values, are the oracle's",
        arguments: AxisLayout.all + [longPairs], QuerySelection.allCases)
    func oracle(layout: AxisLayout, selection: QuerySelection) {
        for window in [nil, 1, 7, 64] { expectAgreement(layout, selection, window: window) }
    }

    private func expectAgreement(_ layout: AxisLayout, _ selection: QuerySelection, window: Int?) {
        let shape = AttentionShape(
            groupCount: 2, headsPerGroup: 3, headDimension: 6, rules: AttentionRules(window: window))
        let (count, segments) = (layout.tokenCount, layout.segments)
        let positions = selection.positions(layout)
        let projections = randomMatrix(count, shape.projectionWidth, scale: 2, seed: 1)
        let outputGradient = randomMatrix(count, shape.queryWidth, seed: 2)
        let others = Set(0..<count).subtracting(positions)
        for token in others { outputGradient.rows(token..<(token + 1)).fill(0) }
        let (wholeOutput, _) = Oracle.attention(Table(projections), segments: segments, shape: shape)
        let wholeGradient = Oracle.attentionBackward(
            Table(outputGradient), projections: Table(projections), segments: segments, shape: shape)
        for token in others {
            outputGradient.rows(token..<(token + 1)).fill(.nan)
            projections.rows(token..<(token + 1)).columns(shape.parts[0]).fill(.nan)
        }

        let plan = AttentionPlan(segments, queriesAt: positions, window: window)
        let attention = shape.attention(workers: workers)
        let (output, logSumExp) = (unwrittenMatrix(count, shape.queryWidth), unwrittenMatrix(count, shape.headCount))
        attention.forward(projections, plan: plan, into: output, logSumExp: logSumExp)
        let gradient = unwrittenMatrix(count, shape.projectionWidth)
        attention.backward(
            outputGradient, projections: projections, output: output, logSumExp: logSumExp, plan: plan, into: gradient)

        let queries = shape.parts[0]
        for token in positions {
            let row = queries.map { wholeOutput[token, $0] }
            #expect(relativeError(output.rows(token..<(token + 1)).values, row) < 3e-6)
        }
        for token in others { #expect(output.rows(token..<(token + 1)).values.allSatisfy { $0.isNaN }, "written") }
        let scale = 0.1 * euclideanNorm(wholeGradient.values)
        for part in shape.parts.dropFirst() {
            #expect(relativeError(gradient.columns(part).values, wholeGradient.columns(part), floor: scale) < 3e-6)
        }
        for token in positions {
            let row = queries.map { wholeGradient[token, $0] }
            #expect(relativeError(gradient.rows(token..<(token + 1)).columns(queries).values, row, floor: scale) < 3e-6)
        }
    }

    @Test("queries everywhere are the plan of all tokens, so that both give the same bits", arguments: AxisLayout.all)
    func everywhere(layout: AxisLayout) {
        let plan = AttentionPlan(layout.segments)
        let other = AttentionPlan(layout.segments, queriesAt: Array(0..<layout.tokenCount))
        #expect(String(describing: plan) == String(describing: other))
    }

    @Test("visible pairs are those of the queries")
    func pairs() {
        // A prompt of 4 and completions of 3 and 2: the prompt's last token, and the completions but for their ends.
        let segments = AxisLayout(.prompt(4, completions: [3, 2])).segments
        #expect(AttentionPlan(segments, queriesAt: [3, 4, 5, 7]).visiblePairCount == 4 + 5 + 6 + 5)
        #expect(AttentionPlan(segments, queriesAt: [3, 4, 5, 7], window: 5).visiblePairCount == 4 + 5 + 5 + 5)
    }
}
