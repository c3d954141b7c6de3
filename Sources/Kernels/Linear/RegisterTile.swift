import Tensors

/// A tile of a matrix product that stays in registers during the loop over the inner dimension. Its 6 rows × 16 columns are
/// twelve accumulators; with two vectors and a scalar they take 15 of AVX2's 16 registers.
///
/// A step of the inner dimension is two loads of vectors, six broadcasts of scalars and twelve fused multiply-adds, so
/// multiply-adds limit the speed, not loads. Vectors come from *panels* (16 columns of a matrix, row after row), so a product
/// reads them sequentially.
struct RegisterTile {
    static let rowCount = 6
    static let columnCount = 16

    private var a0 = Float8.zero, a1 = Float8.zero
    private var b0 = Float8.zero, b1 = Float8.zero
    private var c0 = Float8.zero, c1 = Float8.zero
    private var d0 = Float8.zero, d1 = Float8.zero
    private var e0 = Float8.zero, e1 = Float8.zero
    private var f0 = Float8.zero, f1 = Float8.zero

    @inline(__always)
    init() {}

    /// Starts from the sums so far, `[6, 16]` of a panel.
    @inline(__always)
    init(loading panel: UnsafeMutablePointer<Float>) {
        (a0, a1) = (panel.load8(0), panel.load8(8))
        (b0, b1) = (panel.load8(16), panel.load8(24))
        (c0, c1) = (panel.load8(32), panel.load8(40))
        (d0, d1) = (panel.load8(48), panel.load8(56))
        (e0, e1) = (panel.load8(64), panel.load8(72))
        (f0, f1) = (panel.load8(80), panel.load8(88))
    }

    @inline(__always)
    func store(_ target: UnsafeMutablePointer<Float>, stride: Int = RegisterTile.columnCount) {
        target.store8(a0, 0)
        target.store8(a1, 8)
        target.store8(b0, stride)
        target.store8(b1, stride &+ 8)
        target.store8(c0, 2 &* stride)
        target.store8(c1, 2 &* stride &+ 8)
        target.store8(d0, 3 &* stride)
        target.store8(d1, 3 &* stride &+ 8)
        target.store8(e0, 4 &* stride)
        target.store8(e1, 4 &* stride &+ 8)
        target.store8(f0, 5 &* stride)
        target.store8(f1, 5 &* stride &+ 8)
    }

    /// One step of the inner dimension: six scalars, `stride` apart, times one row of a panel.
    @inline(__always)
    mutating func addProduct(
        _ scalars: UnsafeMutablePointer<Float>, stride: Int, _ vectors: UnsafeMutablePointer<Float>
    ) {
        let (v0, v1) = (vectors.load8(0), vectors.load8(8))
        let a = Float8(repeating: scalars[0])
        a0 = a0.addingProduct(a, v0)
        a1 = a1.addingProduct(a, v1)
        let b = Float8(repeating: scalars[stride])
        b0 = b0.addingProduct(b, v0)
        b1 = b1.addingProduct(b, v1)
        let c = Float8(repeating: scalars[2 &* stride])
        c0 = c0.addingProduct(c, v0)
        c1 = c1.addingProduct(c, v1)
        let d = Float8(repeating: scalars[3 &* stride])
        d0 = d0.addingProduct(d, v0)
        d1 = d1.addingProduct(d, v1)
        let e = Float8(repeating: scalars[4 &* stride])
        e0 = e0.addingProduct(e, v0)
        e1 = e1.addingProduct(e, v1)
        let f = Float8(repeating: scalars[5 &* stride])
        f0 = f0.addingProduct(f, v0)
        f1 = f1.addingProduct(f, v1)
    }

    /// `self += scalars[6, count] · vectors[count, 16]`: scalars of a row lie `step` apart, rows `stride` apart; `count` > 0.
    @inline(__always)
    mutating func addProducts(
        _ scalars: UnsafeMutablePointer<Float>, stride: Int, step: Int, _ vectors: UnsafeMutablePointer<Float>, count: Int
    ) {
        var (scalars, vectors) = (scalars, vectors)
        let end = vectors + count &* RegisterTile.columnCount
        // The test is at the end: if the loop could be skipped, the compiler would keep the accumulators of nested loops in
        // memory.
        repeat {
            addProduct(scalars, stride: stride, vectors)
            scalars += step
            vectors += RegisterTile.columnCount
        } while vectors < end
    }
}
