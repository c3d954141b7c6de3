import Foundation
import Tensors
import Testing

@Suite struct FiniteTests {
    /// A part of a wider matrix, so that rows are not side by side; what surrounds it is not looked at.
    private func matrix(_ values: [Float], columns: Int) -> Matrix {
        let whole = Matrix(rowCount: values.count / columns, columnCount: columns + 3)
        whole.fill(.nan)
        let part = whole.columns(1..<1 + columns)
        part.copy(from: Matrix(rowCount: part.rowCount, columnCount: columns, values: values))
        return part
    }

    @Test("every number is finite, the largest and the smallest included; infinities and NaN are not", arguments: [1, 3, 8, 21])
    func numbers(columns: Int) {
        let fine = (0..<4 * columns).map { [Float(0), -0.0, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude][$0 % 5] }
        #expect(matrix(fine, columns: columns).isFinite() && matrix(fine, columns: columns).nonFiniteCount() == 0)
        for wrong in [Float.nan, -.nan, .infinity, -.infinity, .signalingNaN] {
            for place in fine.indices {
                var values = fine
                values[place] = wrong
                let spoilt = matrix(values, columns: columns)
                #expect(spoilt.firstNonFiniteRow() == place / columns && spoilt.nonFiniteCount() == 1)
            }
        }
        #expect(Matrix(rowCount: 0, columnCount: columns).isFinite() && Matrix(rowCount: columns, columnCount: 0).isFinite())
    }

    @Test("what rounds to infinity in bfloat16 is told from what does not")
    func rounding() {
        for bits in [UInt32(0x7F7F_0000), 0x7F7F_7FFF, 0x7F7F_8000, 0x7F7F_FFFF] {
            for sign in [UInt32(0), 0x8000_0000] {
                let value = Float(bitPattern: bits | sign)
                let stored = Float(bitPattern: UInt32(bfloat16Bits(value)) << 16)
                #expect(matrix([value], columns: 1).isFinite(as: .bfloat16) == stored.isFinite)
                #expect(matrix([value], columns: 1).isFinite())
            }
        }
        for value in [Float(65504), 65519.99, 65520, -65520, 1e5] {
            #expect(matrix([value], columns: 1).isFinite(as: .float16) == Float16(value).isFinite)
        }
    }

    private func stored(_ values: [Float], _ type: ElementType, columns: Int) -> StoredMatrix {
        let floats = Matrix(rowCount: values.count / columns, columnCount: columns, values: values)
        return StoredMatrix(
            storage: floats.storage, byteOffset: 0, elementType: .float32, rowCount: floats.rowCount, columnCount: columns
        ).converted(to: type)
    }

    @Test("matrices are compared by their numbers, whatever types they are stored in")
    func sameValues() {
        let values: [Float] = [1, -2.5, 0, 3, 448, -0.125]
        for first in [ElementType.float32, .bfloat16] {
            for second in [ElementType.float32, .bfloat16] {
                let whole = stored(values, first, columns: 3)
                #expect(whole.holdsSameValues(as: stored(values, second, columns: 3)))
                #expect(!whole.holdsSameValues(as: stored(values, second, columns: 2)))
                for place in values.indices {
                    var others = values
                    others[place] += 16
                    #expect(!whole.holdsSameValues(as: stored(others, second, columns: 3)))
                    // A part is compared alone.
                    let row = place / 3
                    #expect(whole.rows(1 - row..<2 - row).holdsSameValues(as: stored(others, second, columns: 3).rows(1 - row..<2 - row)))
                }
            }
        }
        #expect(stored([.nan], .float32, columns: 1).holdsSameValues(as: stored([.nan], .float32, columns: 1)))
    }

    @Test("values that are no numbers are counted over bands of a large matrix")
    func bands() throws {
        var values = [Float](repeating: 1, count: 1000 * 300)
        #expect(stored(values, .bfloat16, columns: 300).nonFinite == nil)
        for (row, column) in [(997, 0), (950, 299), (901, 7)] { values[row * 300 + column] = .nan }
        let wrong = try #require(stored(values, .bfloat16, columns: 300).nonFinite)
        #expect(wrong.firstRow == 901 && wrong.count == 3)
    }
}
