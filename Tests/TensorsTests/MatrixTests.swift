import Tensors
import Testing

@Suite struct MatrixTests {
    /// 6 × 7: row · 10 + column.
    private let matrix = Matrix(
        rowCount: 6, columnCount: 7, values: (0..<42).map { Float($0 / 7 * 10 + $0 % 7) })

    @Test("new memory is zero")
    func zeroed() {
        #expect(Matrix(rowCount: 33, columnCount: 65).values == [Float](repeating: 0, count: 33 * 65))
        #expect(Matrix(rowCount: 0, columnCount: 5).values.isEmpty)
    }

    @Test("parts of parts are views of the right elements")
    func parts() {
        let part = matrix.rows(2..<5).columns(3..<6)
        #expect(part.values == [23, 24, 25, 33, 34, 35, 43, 44, 45])
        #expect(part.rows(1..<3).columns(1..<2).values == [34, 44])
        #expect(part[2, 0] == 43)
        part[2, 0] = 99
        #expect(matrix[4, 3] == 99)
        #expect(!part.isContiguous && matrix.isContiguous && matrix.rows(2..<4).isContiguous)
        #expect(part.rows(0..<1).isContiguous)
    }

    @Test("filling and copying a part leave the rest alone")
    func writes() {
        let target = Matrix(rowCount: 4, columnCount: 5)
        target.rows(1..<3).columns(2..<4).copy(from: matrix.rows(4..<6).columns(0..<2))
        #expect(target.values == [0, 0, 0, 0, 0, 0, 0, 40, 41, 0, 0, 0, 50, 51, 0, 0, 0, 0, 0, 0])
        target.columns(2..<3).fill(7)
        #expect(target.values == [0, 0, 7, 0, 0, 0, 0, 7, 41, 0, 0, 0, 7, 51, 0, 0, 0, 7, 0, 0])
    }

    @Test("a contiguous matrix can be seen with other dimensions")
    func reshaped() {
        let other = matrix.reshaped(rowCount: 3, columnCount: 14)
        #expect(other[1, 8] == 31)
        #expect(other.values == matrix.values)
    }

    @Test("memory outlives its owner while a view is held")
    func lifetime() {
        func view() -> Matrix { Matrix(rowCount: 3, columnCount: 3, values: (0..<9).map(Float.init)).rows(1..<2) }
        let held = view()
        _ = Matrix(rowCount: 3, columnCount: 3, values: [Float](repeating: -1, count: 9))
        #expect(held.values == [3, 4, 5])
    }
}

@Suite struct TokenAxisTests {
    @Test("a completion's positions go on from its prompt's, and both completions see the prompt")
    func pair() {
        var axis = TokenAxis()
        #expect(axis.append([7, 8]) == 0..<2)
        let prompt = axis.append([1, 2, 3])
        #expect(prompt == 2..<5)
        #expect(axis.append([4, 5], after: prompt) == 5..<7)
        #expect(axis.append([6], after: prompt) == 7..<8)
        #expect(axis.tokens == [7, 8, 1, 2, 3, 4, 5, 6])
        #expect(axis.positions == [0, 1, 0, 1, 2, 3, 4, 3])
        #expect(axis.segments.map(\.range) == [0..<2, 2..<5, 5..<7, 7..<8])
        #expect(axis.segments.map(\.prefix) == [nil, nil, 2..<5, 2..<5])
        #expect(axis.count == 8)
    }
}
