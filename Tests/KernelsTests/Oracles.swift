import Foundation
import Tensors

/// Rows and columns of doubles, for oracles: plain code whose only virtue is that it reads like the formula.
struct Table: Sendable {
    let rowCount: Int
    let columnCount: Int
    var values: [Double]

    init(rowCount: Int, columnCount: Int) {
        self.rowCount = rowCount
        self.columnCount = columnCount
        values = [Double](repeating: 0, count: rowCount * columnCount)
    }

    init(_ matrix: Matrix) {
        rowCount = matrix.rowCount
        columnCount = matrix.columnCount
        values = matrix.values.map(Double.init)
    }

    subscript(row: Int, column: Int) -> Double {
        get { values[row * columnCount + column] }
        set { values[row * columnCount + column] = newValue }
    }

    static func + (first: Table, second: Table) -> Table {
        var result = first
        for index in result.values.indices { result.values[index] += second.values[index] }
        return result
    }

    /// Σ of the products of elements: with a loss's gradient, the loss's change along `other`.
    func dot(_ other: Table) -> Double { zip(values, other.values).reduce(0) { $0 + $1.0 * $1.1 } }

    func columns(_ range: Range<Int>) -> [Double] {
        (0..<rowCount).flatMap { row in range.map { self[row, $0] } }
    }
}

/// Central differences of `loss` at `point`: an oracle's gradient that knows nothing of the backward formula.
func numericalGradient(at point: Table, step: Double = 1e-4, of loss: (Table) -> Double) -> Table {
    var gradient = Table(rowCount: point.rowCount, columnCount: point.columnCount)
    var moved = point
    for index in point.values.indices {
        moved.values[index] = point.values[index] + step
        let above = loss(moved)
        moved.values[index] = point.values[index] - step
        let below = loss(moved)
        moved.values[index] = point.values[index]
        gradient.values[index] = (above - below) / (2 * step)
    }
    return gradient
}

enum Oracle {
    /// `first[M, K] · second[K, N]`
    static func product(_ first: Table, _ second: Table) -> Table {
        var result = Table(rowCount: first.rowCount, columnCount: second.columnCount)
        for row in 0..<first.rowCount {
            for inner in 0..<first.columnCount {
                for column in 0..<second.columnCount { result[row, column] += first[row, inner] * second[inner, column] }
            }
        }
        return result
    }

    static func transposed(_ table: Table) -> Table {
        var result = Table(rowCount: table.columnCount, columnCount: table.rowCount)
        for row in 0..<table.rowCount {
            for column in 0..<table.columnCount { result[column, row] = table[row, column] }
        }
        return result
    }

    /// `input[T, K] · weight[N, K]ᵀ + bias[1, N]`
    static func linear(_ input: Table, weight: Table, bias: Table? = nil) -> Table {
        var result = product(input, transposed(weight))
        guard let bias else { return result }
        for row in 0..<result.rowCount {
            for column in 0..<result.columnCount { result[row, column] += bias[0, column] }
        }
        return result
    }

    static func columnSums(_ table: Table) -> Table {
        var result = Table(rowCount: 1, columnCount: table.columnCount)
        for row in 0..<table.rowCount {
            for column in 0..<table.columnCount { result[0, column] += table[row, column] }
        }
        return result
    }

    /// 1 / sqrt(mean(x²) + ε) of a row.
    static func inverseRoot(_ input: Table, row: Int, epsilon: Double) -> Double {
        var squares = 0.0
        for column in 0..<input.columnCount { squares += input[row, column] * input[row, column] }
        return 1 / (squares / Double(input.columnCount) + epsilon).squareRoot()
    }

    static func norm(_ input: Table, weight: Table, epsilon: Double) -> Table {
        var result = input
        for row in 0..<input.rowCount {
            let scale = inverseRoot(input, row: row, epsilon: epsilon)
            for column in 0..<input.columnCount { result[row, column] = weight[0, column] * input[row, column] * scale }
        }
        return result
    }

    /// By the whole Jacobian of a row, ∂yᵢ/∂xⱼ = wᵢ(δᵢⱼ·r − xᵢ·xⱼ·r³/D).
    static func normBackward(
        _ outputGradient: Table, input: Table, weight: Table, epsilon: Double
    ) -> (input: Table, weight: Table) {
        var inputGradient = Table(rowCount: input.rowCount, columnCount: input.columnCount)
        var weightGradient = Table(rowCount: 1, columnCount: input.columnCount)
        for row in 0..<input.rowCount {
            let scale = inverseRoot(input, row: row, epsilon: epsilon)
            let cube = scale * scale * scale / Double(input.columnCount)
            for i in 0..<input.columnCount {
                weightGradient[0, i] += outputGradient[row, i] * input[row, i] * scale
                let gradient = outputGradient[row, i] * weight[0, i]
                inputGradient[row, i] += gradient * scale
                for j in 0..<input.columnCount {
                    inputGradient[row, j] -= gradient * input[row, i] * input[row, j] * cube
                }
            }
        }
        return (inputGradient, weightGradient)
    }
}
