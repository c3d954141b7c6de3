import Settings
import Tensors

// n ranks, C floats.

/// Sums the values of several ranks, always in rank order, so that every rank gets the same bits.
public enum RankSum {
    /// Floats per piece: sum and summand stay in the first-level cache.
    private static let piece = 2048

    /// Replaces `own`, the values of rank `rank`, by ((x₀ + x₁) + x₂) + … + xₙ₋₁. Runs on the calling thread alone.
    ///
    /// - Parameters:
    ///   - others: `[n − 1, C]`, the values of the other ranks in rank order; overwritten.
    ///   - own: `[1, C]`
    public static func add(_ others: Matrix, to own: Matrix, rank: Int) {
        invariant(
            own.rowCount == 1 && others.columnCount == own.columnCount && (0...others.rowCount).contains(rank),
            "the rows of all ranks have the same length")
        for start in stride(from: 0, to: own.columnCount, by: piece) {
            let count = min(piece, own.columnCount - start)
            let sum = own.row(0) + start
            if rank > 0 {
                // The first row becomes the sum of all ranks before this one. Swapping two summands does not change the bits.
                for row in 1..<max(rank, 1) { add(others.row(row) + start, to: others.row(0) + start, count: count) }
                add(others.row(0) + start, to: sum, count: count)
            }
            for row in rank..<others.rowCount { add(others.row(row) + start, to: sum, count: count) }
        }
    }

    private static func add(_ summand: UnsafeMutablePointer<Float>, to sum: UnsafeMutablePointer<Float>, count: Int) {
        var index = 0
        while index &+ 8 <= count {
            sum.store8(sum.load8(index) + summand.load8(index), index)
            index &+= 8
        }
        while index < count {
            sum[index] += summand[index]
            index &+= 1
        }
    }
}
