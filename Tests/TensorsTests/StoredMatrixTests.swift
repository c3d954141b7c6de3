import Foundation
import Tensors
import Testing

@Suite struct StoredMatrixTests {
    /// All 65,536 patterns of a 16-bit type, widened.
    private func widenedPatterns(_ type: ElementType, byteOffset: Int) -> [Float] {
        let storage = Storage(floatCount: 1 << 15 + 1)
        for pattern in 0..<(1 << 16) {
            storage.base.storeBytes(of: UInt16(pattern), toByteOffset: byteOffset + 2 * pattern, as: UInt16.self)
        }
        let stored = StoredMatrix(
            storage: storage, byteOffset: byteOffset, elementType: type, rowCount: 256, columnCount: 256)
        let floats = Matrix(rowCount: 256, columnCount: 256)
        stored.upcast(into: floats)
        return floats.values
    }

    /// Binary16 by its definition: (−1)^s · 2^(e−15) · (1 + m/1024), subnormals without the 1.
    private func valueOfFloat16(_ bits: Int) -> Double {
        let (exponent, mantissa) = (bits >> 10 & 31, Double(bits & 1023))
        let sign: Double = bits >> 15 == 1 ? -1 : 1
        switch exponent {
        case 31: return mantissa == 0 ? sign * .infinity : .nan
        case 0: return sign * mantissa * 0x1p-24
        default: return sign * (1024 + mantissa) * pow(2, Double(exponent) - 25)
        }
    }

    @Test("every float16 pattern widens to its value", arguments: [0, 1])
    func float16(byteOffset: Int) {
        let widened = widenedPatterns(.float16, byteOffset: byteOffset)
        let wrong = (0..<(1 << 16)).filter { pattern in
            let (wanted, found) = (valueOfFloat16(pattern), widened[pattern])
            if wanted.isNaN { return !found.isNaN }
            return Double(found) != wanted || found.sign != (pattern >> 15 == 1 ? .minus : .plus)
        }
        #expect(wrong.isEmpty)
    }

    @Test("every bfloat16 pattern is the upper half of its float", arguments: [0, 1])
    func bfloat16(byteOffset: Int) {
        let widened = widenedPatterns(.bfloat16, byteOffset: byteOffset)
        let wrong = (0..<(1 << 16)).filter { widened[$0].bitPattern != UInt32($0) << 16 }
        #expect(wrong.isEmpty)
    }

    @Test("the nearest bfloat16 has no nearer neighbour, and ties go to the even one")
    func roundingToBFloat16() {
        var random = KeyedRandom(key: 3)
        let values =
            (0..<20_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
            + [0, -0.0, 1, .infinity, -.infinity, .leastNonzeroMagnitude, 1.00390625, 1.01171875, -1.00390625]
        func float(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
        let wrong = values.filter { value in
            let rounded = bfloat16Bits(value)
            if value.isNaN { return !float(rounded).isNaN }
            guard value.isFinite, float(rounded).isFinite else {
                // Beyond the largest bfloat16 by half a step or more.
                return abs(value) < Float(bitPattern: 0x7F7F_8000) || float(rounded) != (value < 0 ? -.infinity : .infinity)
            }
            let distance = abs(Double(float(rounded)) - Double(value))
            return [rounded &- 1, rounded &+ 1].contains { neighbour in
                guard float(neighbour).isFinite else { return false }
                let other = abs(Double(float(neighbour)) - Double(value))
                return other < distance || (other == distance && rounded & 1 == 1)
            }
        }
        #expect(wrong.isEmpty)
    }

    /// 6 × 7 elements: row · 10 + column, in `type`.
    private func numbered(_ type: ElementType, byteOffset: Int) -> StoredMatrix {
        let storage = Storage(floatCount: 64)
        for row in 0..<6 {
            for column in 0..<7 {
                let value = Float(row * 10 + column)
                let offset = byteOffset + (row * 7 + column) * type.byteCount
                switch type {
                case .float32: storage.base.storeBytes(of: value, toByteOffset: offset, as: Float.self)
                case .float16: storage.base.storeBytes(of: Float16(value), toByteOffset: offset, as: Float16.self)
                case .bfloat16:
                    storage.base.storeBytes(of: bfloat16Bits(value), toByteOffset: offset, as: UInt16.self)
                }
            }
        }
        return StoredMatrix(storage: storage, byteOffset: byteOffset, elementType: type, rowCount: 6, columnCount: 7)
    }

    private func widened(_ stored: StoredMatrix) -> [Float] {
        let floats = Matrix(rowCount: stored.rowCount, columnCount: stored.columnCount)
        stored.upcast(into: floats)
        return floats.values
    }

    @Test("parts of parts are the right elements", arguments: ElementType.allCases, [0, 3])
    func parts(type: ElementType, byteOffset: Int) {
        let stored = numbered(type, byteOffset: byteOffset)
        #expect(widened(stored.rows(4..<6).columns(5..<7)) == [45, 46, 55, 56])
        #expect(widened(stored.columns(5..<7).rows(4..<6)) == [45, 46, 55, 56])
        #expect(widened(stored.columns(1..<6).columns(1..<3).rows(1..<5).rows(2..<3)) == [32, 33])
        #expect(widened(stored.rows(0..<1)) == [0, 1, 2, 3, 4, 5, 6])
    }

    @Test("empty parts are allowed anywhere, of parts too", arguments: ElementType.allCases)
    func emptyParts(type: ElementType) {
        // The matrix fills its memory to the last byte.
        let stored = StoredMatrix(
            storage: Storage(floatCount: 8), byteOffset: 0, elementType: type, rowCount: 4, columnCount: 8 / type.byteCount)
        let width = stored.columnCount
        #expect(stored.rows(4..<4).rowCount == 0)
        #expect(stored.columns(width..<width).columnCount == 0)
        #expect(widened(stored.columns(1..<width).rows(4..<4)) == [])
        #expect(widened(stored.columns(width..<width).rows(1..<3)) == [])
        #expect(widened(stored.rows(4..<4).columns(1..<width)) == [])
    }

    @Test("only aligned float32 is seen as floats without a copy")
    func asFloats() {
        for type in ElementType.allCases {
            for byteOffset in 0..<8 {
                let stored = numbered(type, byteOffset: byteOffset)
                let floats = stored.rows(2..<5).columns(3..<6).asFloats
                #expect((floats != nil) == (type == .float32 && byteOffset % 4 == 0))
                if let floats { #expect(floats.values == [23, 24, 25, 33, 34, 35, 43, 44, 45]) }
            }
        }
    }

    @Test("a converted part holds the same values in memory of its own", arguments: ElementType.allCases)
    func converted(type: ElementType) {
        let part = numbered(type, byteOffset: 1).rows(1..<6).columns(2..<5)
        for target in [ElementType.float32, .bfloat16] {
            let copy = part.converted(to: target)
            #expect(copy.elementType == target && copy.storage !== part.storage)
            #expect(widened(copy) == widened(part))
        }
    }
}
