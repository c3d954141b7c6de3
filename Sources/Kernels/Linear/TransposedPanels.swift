import Tensors

// E columns of a matrix, N rows of the panels' capacity.

/// The transpose of a matrix `[N, E]` in panels of 16 of its rows: `[⌈N/16⌉][E][16]`. Missing rows are zeros.
struct TransposedPanels {
    let pointer: UnsafeMutablePointer<Float>
    /// E.
    let columnCount: Int

    /// The panel that begins with row `row`, a multiple of 16.
    @inline(__always)
    func panel(fromRow row: Int) -> UnsafeMutablePointer<Float> { pointer + row &* columnCount }

    /// Copies the rows of `source` to the rows from `first` (a multiple of 16) on, and pads the last panel with zeros.
    func set(from first: Int, to source: Matrix) {
        var start = 0
        while start < source.rowCount {
            let target = panel(fromRow: first + start)
            setHalf(source, rows: start, into: target)
            setHalf(source, rows: start + 8, into: target + 8)
            start += Panels.width
        }
    }

    /// Copies eight rows of `source` to eight lanes of a panel.
    @inline(__always)
    private func setHalf(_ source: Matrix, rows start: Int, into target: UnsafeMutablePointer<Float>) {
        let base = source.pointer + start &* source.stride
        let present = min(8, source.rowCount &- start)
        var column = 0
        if present == 8 {
            while column &+ 8 <= columnCount {
                TransposedPanels.transpose(base + column, stride: source.stride, into: target + column &* Panels.width)
                column &+= 8
            }
        }
        while column < columnCount {
            let lanes = target + column &* Panels.width
            for lane in 0..<8 { lanes[lane] = lane < present ? base[lane &* source.stride &+ column] : 0 }
            column &+= 1
        }
    }

    /// Transposes 8 × 8 floats in three rounds. Each round merges rows that are four apart.
    @inline(__always)
    private static func transpose(
        _ source: UnsafeMutablePointer<Float>, stride: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let (a, b, c, d) = (
            source.load8(0), source.load8(stride), source.load8(2 &* stride), source.load8(3 &* stride)
        )
        let (e, f, g, h) = (
            source.load8(4 &* stride), source.load8(5 &* stride), source.load8(6 &* stride), source.load8(7 &* stride)
        )
        let (a1, b1) = merged(a, e)
        let (c1, d1) = merged(b, f)
        let (e1, f1) = merged(c, g)
        let (g1, h1) = merged(d, h)
        let (a2, b2) = merged(a1, e1)
        let (c2, d2) = merged(b1, f1)
        let (e2, f2) = merged(c1, g1)
        let (g2, h2) = merged(d1, h1)
        let (a3, b3) = merged(a2, e2)
        let (c3, d3) = merged(b2, f2)
        let (e3, f3) = merged(c2, g2)
        let (g3, h3) = merged(d2, h2)
        target.store8(a3, 0)
        target.store8(b3, 16)
        target.store8(c3, 32)
        target.store8(d3, 48)
        target.store8(e3, 64)
        target.store8(f3, 80)
        target.store8(g3, 96)
        target.store8(h3, 112)
    }

    /// x₀ y₀ x₁ y₁ x₂ y₂ x₃ y₃ and x₄ y₄ … x₇ y₇.
    @inline(__always)
    private static func merged(_ x: Float8, _ y: Float8) -> (Float8, Float8) {
        var (low, high) = (Float8.zero, Float8.zero)
        (low.evenHalf, low.oddHalf) = (x.lowHalf, y.lowHalf)
        (high.evenHalf, high.oddHalf) = (x.highHalf, y.highHalf)
        return (low, high)
    }
}
