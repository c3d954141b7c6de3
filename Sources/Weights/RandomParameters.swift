import Foundation
import Settings
import Tensors

/// Random initialisation as a source of weights. The same seed gives the same numbers in every layout.
///
/// Matrices are drawn from N(0, `initializer_range`²), norm weights are 1 and biases are 0, as in Hugging Face's
/// initialisation. Each row has its own random stream, keyed by (seed, tensor name, row).
public struct RandomParameters: ParameterSource, Sendable {
    public let seed: UInt64
    /// σ of every matrix.
    public let standardDeviation: Double

    public init(configuration: ModelConfiguration, seed: UInt64) {
        self.init(seed: seed, standardDeviation: configuration.initializerRange)
    }

    public init(seed: UInt64, standardDeviation: Double) {
        self.seed = seed
        self.standardDeviation = standardDeviation
    }

    /// Each call allocates and draws the matrix again, so keep a result that is needed twice.
    public func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        let matrix = Matrix(rowCount: rowCount, columnCount: columnCount)
        if name.hasSuffix("norm.weight") {
            matrix.fill(1)
        } else if !name.hasSuffix(".bias") {
            drawNormal(into: matrix, name: name)
        }
        return StoredMatrix(
            storage: matrix.storage, byteOffset: 0, elementType: .float32, rowCount: rowCount, columnCount: columnCount)
    }

    /// Box and Muller, "A note on the generation of random normal deviates", 1958: two uniform numbers give two independent
    /// normal numbers, for neighbouring columns.
    private func drawNormal(into matrix: Matrix, name: String) {
        let tensorKey = RandomParameters.stableHash(of: name)
        for row in 0..<matrix.rowCount {
            var random = KeyedRandom(key: seed, tensorKey, UInt64(row))
            for column in stride(from: 0, to: matrix.columnCount, by: 2) {
                let radius = standardDeviation * (-2 * log(random.nextUnit())).squareRoot()
                let angle = 2 * Double.pi * random.nextUnit()
                matrix[row, column] = Float(radius * cos(angle))
                if column + 1 < matrix.columnCount { matrix[row, column + 1] = Float(radius * sin(angle)) }
            }
        }
    }

    /// FNV-1a, 64 bits. Unlike Swift's hash, it is the same in every process.
    static func stableHash(of name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
