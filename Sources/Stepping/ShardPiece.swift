import Model
import Tensors

/// Numbers of one parameter that lie next to each other in a shard of a flat block. A shard may begin and end inside a
/// parameter; what an update does to a number depends on the parameter it is of.
package struct ShardPiece: Equatable {
    /// Index in the parameter table.
    package let parameter: Int
    /// In the flat block.
    package let range: Range<Int>
    /// Where the numbers begin among those of the shard alone.
    package let offset: Int

    /// What of `shard` (ascending ranges of the flat block) belongs to parameters; gaps of alignment belong to none.
    ///
    /// - Parameter parameters: each one's range, ascending.
    package static func all(of shard: [Range<Int>], parameters: [Range<Int>]) -> [ShardPiece] {
        var pieces: [ShardPiece] = []
        var offset = 0
        for range in shard {
            for (index, parameter) in parameters.enumerated() where parameter.overlaps(range) {
                let common = parameter.clamped(to: range)
                pieces.append(ShardPiece(parameter: index, range: common, offset: offset + common.lowerBound - range.lowerBound))
            }
            offset += range.count
        }
        return pieces
    }

    /// The piece's numbers in a flat block, and those of its place in the shard's own memory, as matrices that kernels
    /// share out by rows.
    func matrices(inBlock block: Matrix) -> [Matrix] { ShardPiece.rows(block.columns(range)) }
    func matrices(inShard shard: Matrix) -> [Matrix] { ShardPiece.rows(shard.columns(offset..<offset + range.count)) }

    /// Numbers in a row of a long piece, so that 64 rows, a task's, are 1 MiB.
    private static let width = 4096

    private static func rows(_ numbers: Matrix) -> [Matrix] {
        let whole = numbers.columnCount / width
        let body = numbers.columns(0..<whole * width).reshaped(rowCount: whole, columnCount: width)
        return [body, numbers.columns(whole * width..<numbers.columnCount)].filter { $0.elementCount > 0 }
    }
}
