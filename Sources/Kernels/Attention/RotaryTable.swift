import Foundation
import Settings
import Tensors

// P positions, d columns of a head that turn.

/// The cosines and sines of consecutive positions.
struct RotaryTable: Sendable {
    let positions: Range<Int>
    /// `[P, d/2]` each, angles computed in Double.
    private let cosines: Matrix
    private let sines: Matrix

    /// - Parameters:
    ///   - frequencies: `[d/2]` in radians for each position.
    ///   - factor: of all cosines and sines.
    init(frequencies: [Double], factor: Double, positions: Range<Int>) {
        self.positions = positions
        cosines = Matrix(rowCount: positions.count, columnCount: frequencies.count)
        sines = Matrix(rowCount: positions.count, columnCount: frequencies.count)
        for (index, frequency) in frequencies.enumerated() {
            for (row, position) in positions.enumerated() {
                let angle = Double(position) * frequency
                cosines[row, index] = Float(factor * cos(angle))
                sines[row, index] = Float(factor * sin(angle))
            }
        }
    }

    func covers(_ span: Range<Int>) -> Bool {
        positions.lowerBound <= span.lowerBound && span.upperBound <= positions.upperBound
    }

    /// `[d/2]` each.
    func row(_ position: Int) -> (cosine: UnsafeMutablePointer<Float>, sine: UnsafeMutablePointer<Float>) {
        invariant(positions.contains(position), "a position is in the table")
        let row = position - positions.lowerBound
        return (cosines.row(row), sines.row(row))
    }
}
