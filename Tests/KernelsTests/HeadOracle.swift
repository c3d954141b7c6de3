import Foundation
import Tensors
import Testing

@testable import Kernels

// U hidden rows, R targets, D model width, V vocabulary size.

/// A head's inputs: random hidden rows and weights, and rows with 0, 1, 2 or 3 targets in an order of their own.
struct HeadCase: Sendable, CustomTestStringConvertible {
    let rowCount: Int
    let width: Int
    let vocabularySize: Int
    let hidden: Matrix
    let weight: Matrix
    let settings: LogitSettings
    let targetRows: [Int]
    let targetTokens: [Int32]
    /// `[R]` ∂loss/∂log p of each target.
    let gradients: [Float]

    init(
        rowCount: Int, width: Int, vocabularySize: Int, hiddenScale: Double = 1, hasBias: Bool = false, softCap: Double? = nil
    ) {
        self.rowCount = rowCount
        self.width = width
        self.vocabularySize = vocabularySize
        hidden = randomMatrix(rowCount, width, scale: hiddenScale, seed: 1)
        weight = randomMatrix(vocabularySize, width, seed: 2)
        settings = LogitSettings(bias: hasBias ? randomMatrix(1, vocabularySize, scale: 2, seed: 4) : nil, softCap: softCap)
        var random = KeyedRandom(key: 3, UInt64(rowCount), UInt64(vocabularySize))
        var rows: [Int] = []
        for pass in 0..<3 { rows += (0..<rowCount).filter { ($0 + 1) % 4 > pass } }
        targetRows = rows
        targetTokens = rows.map { _ in Int32.random(in: 0..<Int32(vocabularySize), using: &random) }
        gradients = rows.map { _ in Float(2 * random.nextUnit() - 1) }
    }

    var targets: HeadTargets { HeadTargets(rows: targetRows, tokens: targetTokens, rowCount: rowCount) }

    /// The vocabulary whole, in two uneven parts, and in four of which one is empty and two are small.
    var splits: [[Range<Int>]] {
        let (third, end) = (vocabularySize / 3, vocabularySize)
        return [[0..<end], [0..<third, third..<end], [0..<1, 1..<(end - 2), (end - 2)..<(end - 2), (end - 2)..<end]]
    }

    var testDescription: String {
        "U \(rowCount), D \(width), V \(vocabularySize)" + (settings.bias == nil ? "" : ", bias")
            + (settings.softCap.map { ", cap \($0)" } ?? "")
    }

    func makeHead(_ workers: Workers) -> Head { Head(workers: workers, softCap: settings.softCap) }

    static let all = [
        HeadCase(rowCount: 1, width: 1, vocabularySize: 5), HeadCase(rowCount: 9, width: 3, vocabularySize: 37),
        HeadCase(rowCount: 257, width: 17, vocabularySize: 37), HeadCase(rowCount: 33, width: 65, vocabularySize: 512),
        HeadCase(rowCount: 65, width: 33, vocabularySize: 2049), HeadCase(rowCount: 300, width: 9, vocabularySize: 5000),
        HeadCase(rowCount: 2100, width: 3, vocabularySize: 2049),
        HeadCase(rowCount: 9, width: 3, vocabularySize: 37, hasBias: true),
        HeadCase(rowCount: 300, width: 9, vocabularySize: 5000, hasBias: true),
        HeadCase(rowCount: 9, width: 17, vocabularySize: 37, hiddenScale: 3, softCap: 5),
        HeadCase(rowCount: 2100, width: 3, vocabularySize: 2049, hiddenScale: 3, hasBias: true, softCap: 5),
        HeadCase(rowCount: 65, width: 33, vocabularySize: 2049, hiddenScale: 3, softCap: 30),
        HeadCase(rowCount: 257, width: 17, vocabularySize: 5000, hiddenScale: 3, hasBias: true, softCap: 30),
    ]
}

/// What tensor ranks do with the parts of their ranges: maximum, sum, minimum.
func combine(
    _ parts: [PartialRowStatistics], targetRows: [Int], vocabularySize: Int
) -> (rows: [RowStatistics], logProbabilities: [Double]) {
    let rowCount = parts[0].rowCount
    let maximum = (0..<rowCount).map { row in parts.map { $0.maximum[row] }.max()! }
    let rescaled = parts.map { $0.rescaled(to: maximum) }
    let sums = rescaled[0].indices.map { index in rescaled.reduce(0) { $0 + $1[index] } }
    let candidates = parts.map { $0.candidates(for: maximum) }
    return PartialRowStatistics.combined(
        maximum: maximum, sums: sums, mostProbable: (0..<rowCount).map { row in candidates.map { $0[row] }.min()! },
        targetRows: targetRows, vocabularySize: vocabularySize)
}

extension Oracle {
    /// Statistics of one row's distribution from all its logits.
    static func rowStatistics(_ logits: [Double]) -> RowStatistics {
        let maximum = logits.max()!
        let logSumExp = maximum + log(logits.reduce(0) { $0 + exp($1 - maximum) })
        let probabilities = logits.map { exp($0 - logSumExp) }
        return RowStatistics(
            logSumExp: logSumExp, sumOfSquaredProbabilities: probabilities.reduce(0) { $0 + $1 * $1 },
            entropy: -zip(logits, probabilities).reduce(0) { $0 + $1.1 * ($1.0 - logSumExp) },
            meanLogit: logits.reduce(0, +) / Double(logits.count), mostProbable: logits.firstIndex(of: maximum)!)
    }

    /// c · tanh(l / c)
    static func capped(_ logits: Table, _ cap: Double) -> Table {
        var result = logits
        result.values = logits.values.map { cap * tanh($0 / cap) }
        return result
    }

    /// Row statistics and the targets' log-probabilities.
    static func head(
        hidden: Table, weight: Table, bias: Table? = nil, softCap: Double? = nil, targetRows: [Int], targetTokens: [Int32]
    ) -> (rows: [RowStatistics], logProbabilities: [Double]) {
        var logits = linear(hidden, weight: weight, bias: bias)
        if let softCap { logits = capped(logits, softCap) }
        let rows = (0..<hidden.rowCount).map { row in
            rowStatistics((0..<weight.rowCount).map { logits[row, $0] })
        }
        let logProbabilities = zip(targetRows, targetTokens).map { logits[$0, Int($1)] - rows[$0].logSumExp }
        return (rows, logProbabilities)
    }

    static func head(_ head: HeadCase) -> (rows: [RowStatistics], logProbabilities: [Double]) {
        Oracle.head(
            hidden: Table(head.hidden), weight: Table(head.weight), bias: head.settings.bias.map { Table($0) },
            softCap: head.settings.softCap, targetRows: head.targetRows, targetTokens: head.targetTokens)
    }

    /// Gradients of Σ g·log p(target) by the formula of one target at a time.
    static func headBackward(_ head: HeadCase) -> (hidden: Table, weight: Table, bias: Table) {
        let (hidden, weight) = (Table(head.hidden), Table(head.weight))
        let products = linear(hidden, weight: weight)
        let rows = Oracle.head(head).rows
        var slopes = Table(rowCount: head.rowCount, columnCount: head.vocabularySize)
        for (target, row) in head.targetRows.enumerated() {
            let slope = Double(head.gradients[target])
            for token in 0..<head.vocabularySize {
                let isTarget = token == Int(head.targetTokens[target]) ? 1.0 : 0.0
                let logit = head.settings.logit(products[row, token], token: token)
                let ofLogit = slope * (isTarget - exp(logit - rows[row].logSumExp))
                slopes[row, token] += ofLogit * head.settings.slope(products[row, token], token: token)
            }
        }
        return (product(slopes, weight), product(transposed(slopes), hidden), columnSums(slopes))
    }
}
