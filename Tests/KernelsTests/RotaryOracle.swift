import Foundation
import Settings

extension Oracle {
    /// The pairs of columns of each head as complex numbers, multiplied by factor · e^(i·direction·angle).
    ///
    /// - Parameters:
    ///   - angles: `[T][d/2]`.
    static func rotary(
        _ heads: Table, headDimension: Int, angles: [[Double]], factor: Double = 1,
        pairing: RotaryConfiguration.Pairing = .halves, direction: Double = 1
    ) -> Table {
        var result = heads
        for token in 0..<heads.rowCount {
            for start in stride(from: 0, to: heads.columnCount, by: headDimension) {
                for (pair, angle) in angles[token].enumerated() {
                    let columns =
                        switch pairing {
                        case .halves: (start + pair, start + pair + angles[token].count)
                        case .neighbours: (start + 2 * pair, start + 2 * pair + 1)
                        }
                    let (real, imaginary) = (heads[token, columns.0], heads[token, columns.1])
                    let (c, s) = (factor * cos(direction * angle), factor * sin(direction * angle))
                    result[token, columns.0] = real * c - imaginary * s
                    result[token, columns.1] = real * s + imaginary * c
                }
            }
        }
        return result
    }

    /// Angles position · theta^(−2i/d).
    static func rotary(
        _ heads: Table, headDimension: Int, theta: Double, dimension: Int? = nil, positions: [Int32],
        pairing: RotaryConfiguration.Pairing = .halves, direction: Double = 1
    ) -> Table {
        let dimension = dimension ?? headDimension
        let angles = positions.map { position in
            (0..<dimension / 2).map { Double(position) / pow(theta, 2 * Double($0) / Double(dimension)) }
        }
        return rotary(heads, headDimension: headDimension, angles: angles, pairing: pairing, direction: direction)
    }
}
