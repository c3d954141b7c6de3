import Foundation
import Settings
import Tensors

/// Random initialisation as a source of weights: the same numbers for the same seed, in every layout.
///
/// A matrix is drawn from N(0, `initializer_range`²), norm weights are 1 and biases 0, as Hugging Face initialises them.
/// Each row has a random stream of its own, keyed by (seed, tensor name, row).
public struct RandomParameters: ParameterSource, Sendable {
    public let seed: UInt64
    /// Of every matrix, σ.
    public let standardDeviation: Double

    public init(configuration: ModelConfiguration, seed: UInt64) {
        self.init(seed: seed, standardDeviation: configuration.initializerRange)
    }

    public init(seed: UInt64, standardDeviation: Double) {
        self.seed = seed
        self.standardDeviation = standardDeviation
    }

    /// New memory each time: keep what is needed.
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

    /// Box and Muller, "A note on the generation of random normal deviates", 1958: two uniform numbers give two
    /// independent normal ones, in neighbouring columns.
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

    /// FNV-1a, 64 bits: unlike Swift's own hash, the same in every process.
    static func stableHash(of name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
