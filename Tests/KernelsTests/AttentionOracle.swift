import Foundation
import Tensors
import Testing

@testable import Kernels

// T tokens, G key/value heads, J query heads a group, E head dimension.

/// How scores are made and which keys are seen.
struct AttentionRules: Sendable, CustomTestStringConvertible {
    var window: Int?
    var scale: Double?
    var softCap: Double?

    var testDescription: String {
        let parts = [window.map { "window \($0)" }, scale.map { "scale \($0)" }, softCap.map { "cap \($0)" }]
        return parts.compactMap { $0 }.joined(separator: ", ")
    }
}

struct AttentionShape: Sendable, CustomTestStringConvertible {
    var groupCount: Int
    var headsPerGroup: Int
    var headDimension: Int
    var rules = AttentionRules()

    var headCount: Int { groupCount * headsPerGroup }
    var queryWidth: Int { headCount * headDimension }
    var keyWidth: Int { groupCount * headDimension }
    var projectionWidth: Int { queryWidth + 2 * keyWidth }
    /// The columns of a row of projections that are queries, keys and values.
    var parts: [Range<Int>] {
        [0..<queryWidth, queryWidth..<(queryWidth + keyWidth), (queryWidth + keyWidth)..<projectionWidth]
    }

    var testDescription: String { "\(groupCount) groups × \(headsPerGroup) heads × \(headDimension)" }

    func attention(workers: Workers) -> Attention {
        Attention(
            groupCount: groupCount, headsPerGroup: headsPerGroup, headDimension: headDimension, scale: rules.scale,
            softCap: rules.softCap, workers: workers)
    }

    func with(_ rules: AttentionRules) -> AttentionShape {
        AttentionShape(groupCount: groupCount, headsPerGroup: headsPerGroup, headDimension: headDimension, rules: rules)
    }
}

/// What lies on the token axis.
struct AxisLayout: Sendable, CustomTestStringConvertible {
    enum Piece: Sendable {
        case document(Int)
        case prompt(Int, completions: [Int])
    }

    var pieces: [Piece]

    init(_ pieces: Piece...) { self.pieces = pieces }

    var segments: [Segment] {
        var segments: [Segment] = []
        var end = 0
        func append(_ count: Int, prefix: Range<Int>? = nil) -> Range<Int> {
            segments.append(Segment(range: end..<(end + count), prefix: prefix))
            end += count
            return segments.last!.range
        }
        for piece in pieces {
            switch piece {
            case .document(let count): _ = append(count)
            case .prompt(let count, let completions):
                let prompt = append(count)
                for completion in completions { _ = append(completion, prefix: prompt) }
            }
        }
        return segments
    }

    var tokenCount: Int { segments.last?.range.upperBound ?? 0 }

    var testDescription: String {
        pieces.map { piece in
            switch piece {
            case .document(let count): "document \(count)"
            case .prompt(let count, let completions):
                "prompt \(count) + " + completions.map(String.init).joined(separator: ", ")
            }
        }.joined(separator: "; ")
    }

    static let small = AxisLayout(.document(5), .prompt(4, completions: [3, 6]), .document(1))

    static let all = [
        AxisLayout(.document(1)), AxisLayout(.document(7)), AxisLayout(.document(64)), AxisLayout(.document(65)),
        AxisLayout(.document(200)), AxisLayout(.document(3), .document(64), .document(1), .document(70)), small,
        AxisLayout(.prompt(1, completions: [1, 1])), AxisLayout(.prompt(1, completions: [9, 2])),
        AxisLayout(.prompt(17, completions: [8, 5])), AxisLayout(.prompt(64, completions: [64, 63])),
        AxisLayout(.prompt(70, completions: [65, 130])), AxisLayout(.prompt(33, completions: [5, 66, 1])),
        AxisLayout(.prompt(9, completions: [7, 4]), .document(66), .prompt(65, completions: [2, 3])),
    ]
}

extension Oracle {
    /// For each token the keys it sees: the last `window` of its segment's prefix and its segment up to itself.
    static func visibleKeys(_ segments: [Segment], window: Int? = nil) -> [[Int]] {
        segments.flatMap { segment in
            segment.range.map { token in
                let all = Array(segment.prefix ?? 0..<0) + Array(segment.range.lowerBound...token)
                return window.map { all.suffix($0) } ?? all
            }
        }
    }

    /// One query head at one token.
    private struct AttentionRow {
        /// Of the visible keys.
        var weights: [Double]
        /// ∂(capped score) / ∂(product of query and key).
        var slopes: [Double]
        /// The sink's weight.
        var sinkWeight = 0.0
        var logSumExp: Double
    }

    private static func attentionRow(
        _ projections: Table, token: Int, head: Int, keys: [Int], shape: AttentionShape, sinks: Table?
    ) -> AttentionRow {
        let queryStart = head * shape.headDimension
        let keyStart = shape.parts[1].lowerBound + head / shape.headsPerGroup * shape.headDimension
        let scale = shape.rules.scale ?? 1 / Double(shape.headDimension).squareRoot()
        var (scores, slopes): ([Double], [Double]) = ([], [])
        for key in keys {
            var score = 0.0
            for element in 0..<shape.headDimension {
                score += projections[token, queryStart + element] * projections[key, keyStart + element]
            }
            score *= scale
            if let cap = shape.rules.softCap {
                scores.append(cap * tanh(score / cap))
                slopes.append(scale / (cosh(score / cap) * cosh(score / cap)))
            } else {
                scores.append(score)
                slopes.append(scale)
            }
        }
        let sink = sinks.map { exp($0[0, head]) } ?? 0
        let total = scores.reduce(sink) { $0 + exp($1) }
        return AttentionRow(
            weights: scores.map { exp($0) / total }, slopes: slopes, sinkWeight: sink / total, logSumExp: log(total))
    }

    /// - Parameter sinks: `[1, G·J]`
    static func attention(
        _ projections: Table, segments: [Segment], shape: AttentionShape, sinks: Table? = nil
    ) -> (output: Table, logSumExp: Table) {
        let visible = visibleKeys(segments, window: shape.rules.window)
        var output = Table(rowCount: projections.rowCount, columnCount: shape.queryWidth)
        var logSumExp = Table(rowCount: projections.rowCount, columnCount: shape.headCount)
        for token in 0..<projections.rowCount {
            for head in 0..<shape.headCount {
                let keys = visible[token]
                let row = attentionRow(projections, token: token, head: head, keys: keys, shape: shape, sinks: sinks)
                logSumExp[token, head] = row.logSumExp
                let valueStart = shape.parts[2].lowerBound + head / shape.headsPerGroup * shape.headDimension
                for (key, weight) in zip(keys, row.weights) {
                    for element in 0..<shape.headDimension {
                        let column = head * shape.headDimension + element
                        output[token, column] += weight * projections[key, valueStart + element]
                    }
                }
            }
        }
        return (output, logSumExp)
    }

    /// By the chain rule, one (query, key) pair at a time.
    static func attentionBackward(
        _ outputGradient: Table, projections: Table, segments: [Segment], shape: AttentionShape
    ) -> Table {
        attentionBackward(outputGradient, projections: projections, segments: segments, shape: shape, sinks: nil).gradient
    }

    /// With the gradients `[1, G·J]` of sinks; zeros without sinks.
    static func attentionBackward(
        _ outputGradient: Table, projections: Table, segments: [Segment], shape: AttentionShape, sinks: Table?
    ) -> (gradient: Table, sinkGradient: Table) {
        let visible = visibleKeys(segments, window: shape.rules.window)
        var gradient = Table(rowCount: projections.rowCount, columnCount: shape.projectionWidth)
        var sinkGradient = Table(rowCount: 1, columnCount: shape.headCount)
        for token in 0..<projections.rowCount {
            for head in 0..<shape.headCount {
                let queryStart = head * shape.headDimension
                let keyStart = shape.parts[1].lowerBound + head / shape.headsPerGroup * shape.headDimension
                let valueStart = keyStart + shape.keyWidth
                let keys = visible[token]
                let row = attentionRow(projections, token: token, head: head, keys: keys, shape: shape, sinks: sinks)
                let weightGradients = keys.map { key in
                    (0..<shape.headDimension).reduce(0.0) {
                        $0 + outputGradient[token, queryStart + $1] * projections[key, valueStart + $1]
                    }
                }
                let mean = zip(row.weights, weightGradients).reduce(0) { $0 + $1.0 * $1.1 }
                sinkGradient[0, head] -= row.sinkWeight * mean
                for (index, key) in keys.enumerated() {
                    let productGradient = row.weights[index] * (weightGradients[index] - mean) * row.slopes[index]
                    let weight = row.weights[index]
                    for element in 0..<shape.headDimension {
                        gradient[token, queryStart + element] += productGradient * projections[key, keyStart + element]
                        gradient[key, keyStart + element] += productGradient * projections[token, queryStart + element]
                        gradient[key, valueStart + element] += weight * outputGradient[token, queryStart + element]
                    }
                }
            }
        }
        return (gradient, sinkGradient)
    }
}
