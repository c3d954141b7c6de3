import COpenBLAS
import Costs
import Kernels
import Tensors

// A measurement's own way to OpenBLAS: a product alone, as the library does it, without Tandem's cutting.

/// Memory for one product at a time on one thread.
final class ProductOperands: @unchecked Sendable {
    private let storage = [ScratchMatrix(), ScratchMatrix(), ScratchMatrix()]
    private var filled = [0, 0, 0]
    private(set) var a = Matrix(rowCount: 0, columnCount: 0)
    private(set) var b = Matrix(rowCount: 0, columnCount: 0)
    private(set) var c = Matrix(rowCount: 0, columnCount: 0)
    var byteCount: Int { storage.reduce(0) { $0 + $1.byteCount } }
    private var form = RequiredProduct.Form.forward

    /// Makes room for `c[m, n] = a[m, k] · b[k, n]`, the factors lying in memory as `form` has them.
    func prepare(_ form: RequiredProduct.Form, m: Int, n: Int, k: Int) {
        self.form = form
        a = matrix(0, form == .weightGradient ? k : m, form == .weightGradient ? m : k)
        b = matrix(1, form == .forward ? n : k, form == .forward ? k : n)
        c = matrix(2, m, n)
    }

    func multiply() {
        let k = form == .weightGradient ? a.rowCount : a.columnCount
        cblas_sgemm(
            CblasRowMajor, form == .weightGradient ? CblasTrans : CblasNoTrans,
            form == .forward ? CblasTrans : CblasNoTrans, blasint(c.rowCount), blasint(c.columnCount), blasint(k),
            1, a.pointer, blasint(a.stride), b.pointer, blasint(b.stride), 0, c.pointer, blasint(c.stride))
    }

    /// Memory that was never written is one page of zeros for the system: new room is filled before it is timed.
    private func matrix(_ index: Int, _ rows: Int, _ columns: Int) -> Matrix {
        let matrix = storage[index].matrix(rowCount: rows, columnCount: columns)
        if rows * columns > filled[index] {
            filled[index] = rows * columns
            for element in 0..<(rows * columns) { matrix.pointer[element] = Float(element % 17) * 0.01 - 0.08 }
        }
        return matrix
    }
}

/// Runs `body` with OpenBLAS's own threads in place of Tandem's.
public func withLibraryThreads(_ count: Int, _ body: () throws -> Void) rethrows {
    openblas_set_num_threads(Int32(count))
    defer { openblas_set_num_threads(1) }
    try body()
}
