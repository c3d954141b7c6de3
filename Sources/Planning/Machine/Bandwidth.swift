import Kernels
import Tensors

/// Bytes a second between the cores and memory, as STREAM counts them: what is read and what is written, over all ranks.
public struct Bandwidth: Sendable {
    public var copy: Double
    public var triad: Double

    /// Collective over all ranks. Each rank's three arrays are larger than the caches.
    public static func measure(_ bench: Bench, floatCount: Int) throws -> Bandwidth {
        let (rowCount, width) = (max(64, floatCount / 16384), 16384)
        let arrays = (0..<3).map { index in
            let matrix = Matrix(rowCount: rowCount, columnCount: width)
            matrix.fill(Float(index) + 0.5)
            return matrix
        }
        func run(_ row: @escaping (Int) -> Void) throws -> Double {
            let tiles = Tiles(rowCount, limit: 16)
            return try bench.together {
                bench.workers.run(tiles.tileCount) { tile, _ in for index in tiles[tile] { row(index) } }
            }
        }
        let bytes = Double(rowCount * width * 4 * bench.mesh.world.size)
        let copySeconds = try run { row in
            let (a, b) = (arrays[0].row(row), arrays[1].row(row))
            for index in stride(from: 0, to: width, by: 8) { a.store8(b.load8(index), index) }
        }
        let triadSeconds = try run { row in
            let (a, b, c) = (arrays[0].row(row), arrays[1].row(row), arrays[2].row(row))
            for index in stride(from: 0, to: width, by: 8) { a.store8(b.load8(index) + c.load8(index) * 0.5, index) }
        }
        return Bandwidth(copy: 2 * bytes / copySeconds, triad: 3 * bytes / triadSeconds)
    }
}
