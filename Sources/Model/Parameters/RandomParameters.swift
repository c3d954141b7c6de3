import Foundation
import Settings
import Tensors

/// Random initialisation as a source of weights. The same seed gives the same numbers in every layout.
///
/// Each parameter has the distribution that its specification states. Each row has its own random stream, keyed by (seed,
/// tensor name, row).
public struct RandomParameters: ParameterSource, Sendable {
    public let seed: UInt64
    private let initialisations: [String: ParameterSpecification.Initialisation]

    public init(_ specifications: [ParameterSpecification], seed: UInt64) {
        self.seed = seed
        initialisations = Dictionary(uniqueKeysWithValues: specifications.map { ($0.name, $0.initialisation) })
    }

    /// The parameters of a model.
    public init(configuration: ModelConfiguration, seed: UInt64) {
        self.init(ParameterTable(configuration).specifications, seed: seed)
    }

    /// Each call allocates and draws the matrix again, so keep a result that is needed twice.
    public func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        let matrix = Matrix(rowCount: rowCount, columnCount: columnCount)
        switch initialisations[name] {
        case .normal(let standardDeviation): draw(standardDeviation, into: matrix, name: name)
        case .ones: matrix.fill(1)
        case .zeros: break
        case nil: brokenInvariant("\(name) is not a parameter of the model")
        }
        return StoredMatrix(
            storage: matrix.storage, byteOffset: 0, elementType: .float32, rowCount: rowCount, columnCount: columnCount)
    }

    /// Box and Muller, "A note on the generation of random normal deviates", 1958: two uniform numbers give two independent
    /// numbers from N(0, σ²), for neighbouring columns.
    private func draw(_ standardDeviation: Double, into matrix: Matrix, name: String) {
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
