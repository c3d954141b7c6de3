import Tensors

// E columns of a matrix, N rows of a panel's capacity.

/// A matrix `[N, E]` cut into panels of 16 columns: `[⌈E/16⌉][N][16]`. The last panel is padded with zeros. Every row of a
/// panel is one cache line.
struct Panels {
    let pointer: UnsafeMutablePointer<Float>
    /// N.
    let rowCapacity: Int
    /// E.
    let columnCount: Int

    static let width = RegisterTile.columnCount

    /// Number of floats in panels of this shape.
    static func floatCount(rowCapacity: Int, columnCount: Int) -> Int {
        rowCapacity * ((columnCount + width - 1) / width) * width
    }

    var count: Int { (columnCount + Panels.width - 1) / Panels.width }
    var floatCount: Int { count * rowCapacity * Panels.width }

    /// Row `row` of panel `panel`.
    @inline(__always)
    func row(_ row: Int, panel: Int) -> UnsafeMutablePointer<Float> {
        pointer + (panel &* rowCapacity &+ row) &* Panels.width
    }

    func fill(_ value: Float) { pointer.update(repeating: value, count: floatCount) }

    /// Row `row` becomes `factor · source[E]`.
    @inline(__always)
    func set(_ row: Int, to source: UnsafeMutablePointer<Float>, times factor: Float) {
        for panel in 0..<(columnCount / Panels.width) {
            let (from, to) = (source + panel &* Panels.width, self.row(row, panel: panel))
            to.store8(from.load8(0) * factor, 0)
            to.store8(from.load8(8) * factor, 8)
        }
        let whole = columnCount / Panels.width * Panels.width
        if whole < columnCount {
            let to = self.row(row, panel: columnCount / Panels.width)
            for column in 0..<Panels.width {
                to[column] = whole + column < columnCount ? source[whole + column] * factor : 0
            }
        }
    }

    /// Copies the rows of `source` to the rows from `first` on.
    func set(from first: Int, to source: Matrix) {
        for index in 0..<source.rowCount { set(first + index, to: source.row(index), times: 1) }
    }

    /// `target[E] = factor · row`.
    @inline(__always)
    func copy(_ row: Int, into target: UnsafeMutablePointer<Float>, times factor: Float) {
        for panel in 0..<(columnCount / Panels.width) {
            let (from, to) = (self.row(row, panel: panel), target + panel &* Panels.width)
            to.store8(from.load8(0) * factor, 0)
            to.store8(from.load8(8) * factor, 8)
        }
        let whole = columnCount / Panels.width * Panels.width
        if whole < columnCount {
            let from = self.row(row, panel: columnCount / Panels.width)
            for column in whole..<columnCount { target[column] = from[column - whole] * factor }
        }
    }

    /// `target[E] += factor · row`.
    @inline(__always)
    func add(_ row: Int, to target: UnsafeMutablePointer<Float>, times factor: Float) {
        for panel in 0..<(columnCount / Panels.width) {
            let (from, to) = (self.row(row, panel: panel), target + panel &* Panels.width)
            to.store8(to.load8(0).addingProduct(from.load8(0), Float8(repeating: factor)), 0)
            to.store8(to.load8(8).addingProduct(from.load8(8), Float8(repeating: factor)), 8)
        }
        let whole = columnCount / Panels.width * Panels.width
        if whole < columnCount {
            let from = self.row(row, panel: columnCount / Panels.width)
            for column in whole..<columnCount { target[column].addProduct(from[column - whole], factor) }
        }
    }

    /// `row *= factor`.
    @inline(__always)
    func scale(_ row: Int, by factor: Float) {
        for panel in 0..<count {
            let values = self.row(row, panel: panel)
            values.store8(values.load8(0) * factor, 0)
            values.store8(values.load8(8) * factor, 8)
        }
    }
}
