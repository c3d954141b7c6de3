import COpenBLAS
import Foundation
import Settings
import Tensors

/// OpenBLAS's single-precision matrix product. Only this type calls it.
///
/// Every call is single-threaded (`prepareMatrixProducts`). `Workers` runs products in parallel instead: this is faster than
/// OpenBLAS's own threads, and a product's bits do not depend on the number of threads.
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

/// Bytes of address space that OpenBLAS takes, and keeps, for each product that runs at the same time.
public let matrixProductByteCount = 129 << 20

/// Makes OpenBLAS take its memory for `threadCount` products at once. Otherwise OpenBLAS takes it at the first products, and
/// retries forever if the system refuses. The caller checks beforehand that there is enough memory.
public func reserveMatrixProducts(threadCount: Int) {
    // OpenBLAS exports these symbols without declaring them. A build that lacks them takes its memory later.
    guard let take = dlsym(nil, "blas_memory_alloc"), let give = dlsym(nil, "blas_memory_free") else { return }
    let alloc = unsafeBitCast(take, to: (@convention(c) (Int32) -> UnsafeMutableRawPointer?).self)
    let free = unsafeBitCast(give, to: (@convention(c) (UnsafeMutableRawPointer?) -> Void).self)
    // OpenBLAS keeps freed buffers for the next products. A build has slots for twice its number of threads, at least 64, and
    // warns when more are taken.
    for buffer in (0..<min(threadCount, 64)).map({ _ in alloc(0) }) { free(buffer) }
}

/// The kernel set that OpenBLAS chose for this processor ("Zen", "SkylakeX", ...). The bits of results depend on it.
public var matrixProductCore: String { String(cString: openblas_get_corename()) }

/// OpenBLAS's version and build options.
public var matrixProductVersion: String { String(cString: openblas_get_config()) }
