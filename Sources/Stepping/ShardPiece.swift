import Model
import Tensors

/// Adjacent numbers of one parameter in a shard of a flat block. A shard may begin and end inside a parameter, but an
/// update depends on the parameter: each piece belongs to one.
package struct ShardPiece: Equatable {
    /// Index in the parameter table.
    package let parameter: Int
    /// Range in the flat block.
    package let range: Range<Int>
    /// Offset of the piece in the shard's own memory.
    package let offset: Int

    /// The pieces of `shard` (ascending ranges of the flat block). Alignment gaps belong to no parameter and are left out.
    ///
    /// - Parameter parameters: the range of each parameter, ascending.
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

    /// The piece's numbers in a flat block, or in the shard's own memory, as matrices that kernels divide by rows.
    func matrices(inBlock block: Matrix) -> [Matrix] { ShardPiece.rows(block.columns(range)) }
    func matrices(inShard shard: Matrix) -> [Matrix] { ShardPiece.rows(shard.columns(offset..<offset + range.count)) }

    /// Numbers in a row of a long piece: a task takes 64 rows, which are 1 MiB.
    private static let width = 4096

    private static func rows(_ numbers: Matrix) -> [Matrix] {
        let whole = numbers.columnCount / width
        let body = numbers.columns(0..<whole * width).reshaped(rowCount: whole, columnCount: width)
        return [body, numbers.columns(whole * width..<numbers.columnCount)].filter { $0.elementCount > 0 }
    }
}
