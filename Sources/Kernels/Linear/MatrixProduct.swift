import COpenBLAS
import Foundation
import Settings
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
        invariant((transposeA ? a.columnCount : a.rowCount) == c.rowCount, "a product has the first matrix's rows")
        invariant((transposeB ? b.columnCount : b.rowCount) == inner, "a product's matrices share their inner dimension")
        invariant((transposeB ? b.rowCount : b.columnCount) == c.columnCount, "a product has the second matrix's columns")
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

/// Bytes of address space that OpenBLAS takes for a product, as many times as products run at once, and keeps.
public let matrixProductByteCount = 129 << 20

/// Takes OpenBLAS's memory for `threadCount` products at once. It takes it at the first product otherwise, and asks again for ever
/// where the system refuses; whether there is room is for the caller to know.
public func reserveMatrixProducts(threadCount: Int) {
    // Not in its header, but among its symbols; a build without them takes its memory later.
    guard let take = dlsym(nil, "blas_memory_alloc"), let give = dlsym(nil, "blas_memory_free") else { return }
    let alloc = unsafeBitCast(take, to: (@convention(c) (Int32) -> UnsafeMutableRawPointer?).self)
    let free = unsafeBitCast(give, to: (@convention(c) (UnsafeMutableRawPointer?) -> Void).self)
    // What is given back is kept for the next product. Builds have places for twice their number of threads, 64 at least, and
    // warn beyond.
    for buffer in (0..<min(threadCount, 64)).map({ _ in alloc(0) }) { free(buffer) }
}

/// The kernel set that OpenBLAS chose for this processor ("Zen", "SkylakeX", ...): results' bits depend on it.
public var matrixProductCore: String { String(cString: openblas_get_corename()) }

/// OpenBLAS's version and build options.
public var matrixProductVersion: String { String(cString: openblas_get_config()) }
