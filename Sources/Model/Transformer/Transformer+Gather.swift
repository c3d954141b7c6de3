import Collectives
import Kernels
import Tensors

extension Transformer where Kind == Trainable {
    /// Which numbers of a parameter are gathered.
    public enum Quantity: Sendable {
        case values
        case gradients
    }

    /// Gathers the full tensor on tensor rank 0; other ranks get nil. Collective over the tensor ranks.
    public func gather(_ index: Int, _ quantity: Quantity = .values) throws(CollectiveError) -> Matrix? {
        let specification = table.specifications[index]
        let local = quantity == .values ? parameters.values[index] : parameters.gradients[index]
        if specification.cut == .replicated || tensor.size == 1 { return tensor.rank == 0 ? local : nil }
        guard tensor.rank == 0 else {
            if local.elementCount > 0 { try tensor.send(local, to: 0, tag: index) }
            return nil
        }
        let whole = Matrix(rowCount: specification.rowCount, columnCount: specification.columnCount)
        for rank in 0..<tensor.size {
            let part = specification.part(sharding, rank: rank)
            guard !part.rows.isEmpty, !part.columns.isEmpty else { continue }
            let piece = rank == 0 ? local : Matrix(rowCount: part.rows.count, columnCount: part.columns.count)
            if rank > 0 { try tensor.receive(piece, from: rank, tag: index) }
            whole.rows(part.rows).columns(part.columns).copy(from: piece)
        }
        return whole
    }

    public func zeroGradients() { Elementwise.zero(parameters.gradientBlock.flat, workers: workers) }
}
