import Settings
import Tensors

@testable import Kernels

/// A norm in Double. `weight` and `bias` have a number for each column of a row.
struct NormOracle {
    var configuration: NormConfiguration
    var segmentCount = 1
    var weight: [Double]
    var bias: [Double]

    /// As `Normalization` takes them: `[1, E]` shared by all segments, or `[1, S·E]`.
    init(_ configuration: NormConfiguration, segmentCount: Int = 1, width: Int, weight: Table?, bias: Table?) {
        self.configuration = configuration
        self.segmentCount = segmentCount
        self.weight = (0..<width).map { column in weight.map { $0[0, column % $0.columnCount] } ?? 0 }
        self.bias = (0..<width).map { column in bias.map { $0[0, column % $0.columnCount] } ?? 0 }
    }

    private func factor(_ column: Int) -> Double {
        switch configuration.weight {
        case .none: 1
        case .plain: weight[column]
        case .onePlus: 1 + weight[column]
        }
    }

    private var isCentered: Bool { configuration.kind == .layer }

    /// The columns of a segment without weight and bias, and their inverse deviation.
    private func normalized(_ values: [Double]) -> (values: [Double], inverse: Double) {
        let count = Double(values.count)
        let mean = isCentered ? values.reduce(0, +) / count : 0
        let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        let inverse = 1 / (square + configuration.epsilon).squareRoot()
        return (values.map { ($0 - mean) * inverse }, inverse)
    }

    private func segments(_ input: Table) -> [(row: Int, columns: Range<Int>)] {
        let count = input.columnCount / segmentCount
        return (0..<input.rowCount).flatMap { row in
            (0..<segmentCount).map { (row, ($0 * count)..<(($0 + 1) * count)) }
        }
    }

    func forward(_ input: Table) -> Table {
        var result = input
        for (row, columns) in segments(input) {
            let (values, _) = normalized(columns.map { input[row, $0] })
            for (column, value) in zip(columns, values) { result[row, column] = factor(column) * value + bias[column] }
        }
        return result
    }

    /// By the whole Jacobian of a segment, ∂x̂ᵢ/∂xⱼ = r · (δᵢⱼ − c/E − x̂ᵢ·x̂ⱼ/E). c is 1 for a layer norm and otherwise 0.
    ///
    /// The gradients of weight and bias are `[1, S·E]`. `size` is the norm of r · g, the largest term of the input's gradient.
    func backward(_ outputGradient: Table, _ input: Table) -> (input: Table, weight: Table, bias: Table, size: Double) {
        var inputGradient = Table(rowCount: input.rowCount, columnCount: input.columnCount)
        var weightGradient = Table(rowCount: 1, columnCount: input.columnCount)
        var direct: [Double] = []
        for (row, columns) in segments(input) {
            let (values, inverse) = normalized(columns.map { input[row, $0] })
            let count = Double(values.count)
            for (i, column) in columns.enumerated() {
                weightGradient[0, column] += outputGradient[row, column] * values[i]
                let gradient = outputGradient[row, column] * factor(column)
                direct.append(gradient * inverse)
                for (j, other) in columns.enumerated() {
                    let slope = inverse * ((i == j ? 1 : 0) - (isCentered ? 1 / count : 0) - values[i] * values[j] / count)
                    inputGradient[row, other] += gradient * slope
                }
            }
        }
        return (inputGradient, weightGradient, Oracle.columnSums(outputGradient), euclideanNorm(direct))
    }
}

extension Table {
    /// `[1, S·E]` to `[1, E]`: the sums over the segments.
    func summedSegments(_ count: Int) -> Table {
        var result = Table(rowCount: 1, columnCount: columnCount / count)
        for column in 0..<columnCount { result[0, column % result.columnCount] += self[0, column] }
        return result
    }
}
