import Settings
import Tensors

// U scored hidden rows, D model width, N rows of the vocabulary.

/// The layer that turns hidden rows into logits, for some rows of the vocabulary: product, then bias, then soft cap.
struct LogitLayer {
    /// `[N, D]`
    let weight: Matrix
    /// `[1, N]`
    private let bias: Matrix?
    private let cap: LogitCap?

    init(weight: Matrix, bias: Matrix?, cap: LogitCap?) {
        invariant(bias.map { $0.rowCount == 1 && $0.columnCount == weight.rowCount } ?? true, "each token has its bias")
        self.weight = weight
        self.bias = bias
        self.cap = cap
    }

    /// `logits[U, N]` of `hidden[U, D]`, on the calling thread alone.
    func forward(_ hidden: Matrix, into logits: Matrix) {
        MatrixProduct.multiply(hidden, weight, transposeSecond: true, into: logits)
        if let bias {
            for row in 0..<logits.rowCount {
                Elementwise.add(bias.row(0), to: logits.row(row), count: logits.columnCount)
            }
        }
        cap?.forward(logits)
    }
}
