import Foundation
import Settings
import Tensors

// T tokens, H heads, E head dimension.

/// Rotary position embedding (Su et al., arXiv:2104.09864) in the half-split convention of Hugging Face checkpoints:
/// element i of a head turns with element i + E/2 by the angle position · theta^(−2i/E).
public struct Rotary: Sendable {
    /// `[positions, E/2]` each, angles computed in Double.
    private let cosines: Matrix
    private let sines: Matrix
    private let half: Int

    public init(headDimension: Int, theta: Double, positionCount: Int) {
        half = headDimension / 2
        cosines = Matrix(rowCount: positionCount, columnCount: half)
        sines = Matrix(rowCount: positionCount, columnCount: half)
        for index in 0..<half {
            let frequency = pow(theta, -2 * Double(index) / Double(headDimension))
            for position in 0..<positionCount {
                let angle = Double(position) * frequency
                cosines[position, index] = Float(cos(angle))
                sines[position, index] = Float(sin(angle))
            }
        }
    }

    public var positionCount: Int { cosines.rowCount }

    /// Turns every head of `heads[T, H·E]` in place.
    public func forward(_ heads: Matrix, positions: [Int32], workers: Workers) {
        rotate(heads, positions: positions, direction: 1, workers: workers)
    }

    /// Turns gradients back: a rotation's transpose is its inverse.
    public func backward(_ gradient: Matrix, positions: [Int32], workers: Workers) {
        rotate(gradient, positions: positions, direction: -1, workers: workers)
    }

    private func rotate(_ heads: Matrix, positions: [Int32], direction: Float, workers: Workers) {
        invariant(positions.count == heads.rowCount && heads.columnCount % (2 * half) == 0, "each row of heads has its position")
        let tiles = Tiles(heads.rowCount, limit: 64)
        workers.run(tiles.tileCount) { tile, _ in
            for token in tiles[tile] {
                let position = Int(positions[token])
                invariant(position < positionCount, "a position is in the table")
                let (cosine, sine) = (cosines.row(position), sines.row(position))
                var head = heads.row(token)
                let end = head + heads.columnCount
                while head < end {
                    rotateHead(head, cosine, sine, direction: direction)
                    head += 2 * half
                }
            }
        }
    }

    @inline(__always)
    private func rotateHead(
        _ head: UnsafeMutablePointer<Float>, _ cosine: UnsafeMutablePointer<Float>, _ sine: UnsafeMutablePointer<Float>,
        direction: Float
    ) {
        var index = 0
        while index + 8 <= half {
            let first = head.load8(index)
            let second = head.load8(index + half)
            let c = cosine.load8(index)
            let s = sine.load8(index) * direction
            head.store8(first * c - second * s, index)
            head.store8(second * c + first * s, index + half)
            index += 8
        }
        while index < half {
            let (first, second) = (head[index], head[index + half])
            let (c, s) = (cosine[index], sine[index] * direction)
            head[index] = first * c - second * s
            head[index + half] = second * c + first * s
            index += 1
        }
    }
}
