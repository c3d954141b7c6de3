import Foundation

// Whether numbers are numbers. A float is finite where its exponent has a bit that is not set.

extension ElementType {
    /// Bits of the smallest magnitude, as a float, that is infinite or not a number once it is stored in this type: bfloat16
    /// rounds what is half a unit above its largest number to infinity.
    fileprivate var firstNonFiniteBits: UInt32 {
        switch self {
        case .float32: 0x7F80_0000
        case .bfloat16: 0x7F7F_8000
        // 65520, half a unit above 65504.
        case .float16: 0x477F_F000
        }
    }
}

extension Matrix {
    /// Whether all numbers are finite, and stay so in the type in which they are stored.
    public func isFinite(as type: ElementType = .float32) -> Bool { firstNonFiniteRow(as: type) == nil }

    /// The first row with a number that is not; nil where there is none.
    public func firstNonFiniteRow(as type: ElementType = .float32) -> Int? {
        let limit = type.firstNonFiniteBits
        return (0..<rowCount).first { index in
            let values = row(index)
            var wrong: UInt32 = 0
            for column in 0..<columnCount {
                wrong |= values[column].bitPattern & 0x7FFF_FFFF >= limit ? 1 : 0
            }
            return wrong != 0
        }
    }

    /// How many numbers are not.
    public func nonFiniteCount(as type: ElementType = .float32) -> Int {
        let limit = type.firstNonFiniteBits
        return (0..<rowCount).reduce(0) { count, index in
            let values = row(index)
            return count + (0..<columnCount).count { values[$0].bitPattern & 0x7FFF_FFFF >= limit }
        }
    }
}

extension StoredMatrix {
    /// Rows that are widened at a time, so that memory stays small.
    private var bandRowCount: Int { max(1, (1 << 18) / max(columnCount, 1)) }

    /// Where numbers are not finite: the first row, and how many there are; nil where all are finite.
    public var nonFinite: (firstRow: Int, count: Int)? {
        var found: (firstRow: Int, count: Int)?
        for start in Swift.stride(from: 0, to: columnCount == 0 ? 0 : rowCount, by: bandRowCount) {
            let range = start..<min(start + bandRowCount, rowCount)
            let band = Matrix(rowCount: range.count, columnCount: columnCount)
            rows(range).upcast(into: band)
            guard let row = band.firstNonFiniteRow() else { continue }
            found = (found?.firstRow ?? (start + row), (found?.count ?? 0) + band.nonFiniteCount())
        }
        return found
    }

    /// Whether both hold the same numbers, bit for bit once they are floats; each may be stored in a type of its own.
    ///
    /// Both are read until they differ, and nothing of them is kept.
    public func holdsSameValues(as other: StoredMatrix) -> Bool {
        guard rowCount == other.rowCount, columnCount == other.columnCount else { return false }
        if elementType == other.elementType {
            return (0..<rowCount).allSatisfy { row in
                memcmp(start(ofRow: row), other.start(ofRow: row), columnCount * elementType.byteCount) == 0
            }
        }
        let (own, others) = (Matrix(rowCount: 1, columnCount: columnCount), Matrix(rowCount: 1, columnCount: columnCount))
        return (0..<rowCount).allSatisfy { row in
            rows(row..<row + 1).upcast(into: own)
            other.rows(row..<row + 1).upcast(into: others)
            return memcmp(own.pointer, others.pointer, columnCount * 4) == 0
        }
    }

    private func start(ofRow row: Int) -> UnsafeMutableRawPointer {
        storage.base + byteOffset + row * stride * elementType.byteCount
    }
}
