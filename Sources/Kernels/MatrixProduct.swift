import COpenBLAS
import Tensors

/// OpenBLAS's single-precision matrix product, the one place that calls it.
///
/// Every call is single-threaded (`prepareMatrixProducts`): tasks of `Workers` run side by side instead, which is faster
/// than OpenBLAS's own threads and keeps the bits of a product independent of the number of threads.
enum MatrixProduct {
    /// `c = alpha · op(a) · op(b) + beta · c`, where `op` transposes on request.
    static func multiply(
        _ a: Matrix, _ b: Matrix, transposeFirst transposeA: Bool = false, transposeSecond transposeB: Bool = false,
        into c: Matrix, alpha: Float = 1, beta: Float = 0
    ) {
        let inner = transposeA ? a.rowCount : a.columnCount
        precondition((transposeA ? a.columnCount : a.rowCount) == c.rowCount)
        precondition((transposeB ? b.columnCount : b.rowCount) == inner)
        precondition((transposeB ? b.rowCount : b.columnCount) == c.columnCount)
        guard c.rowCount > 0, c.columnCount > 0 else { return }
        guard inner > 0 else {
            if beta == 0 { c.fill(0) }
            return
        }
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            blasint(c.rowCount), blasint(c.columnCount), blasint(inner),
            alpha, a.pointer, blasint(a.stride), b.pointer, blasint(b.stride),
            beta, c.pointer, blasint(c.stride))
    }
}

/// Call once at start: OpenBLAS then uses no threads of its own.
public func prepareMatrixProducts() { openblas_set_num_threads(1) }

/// The kernel set that OpenBLAS chose for this processor ("Zen", "SkylakeX", ...): results' bits depend on it.
public var matrixProductCore: String { String(cString: openblas_get_corename()) }

/// OpenBLAS's version and build options.
public var matrixProductVersion: String { String(cString: openblas_get_config()) }
