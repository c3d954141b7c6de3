import Foundation

// Checks for infinite numbers and NaN. A float is finite if its exponent has a zero bit.

extension ElementType {
    /// Float bits of the smallest magnitude that is infinite, or becomes infinite when stored in this type. bfloat16 rounds a
    /// number that is half a unit above its largest number to infinity.
    fileprivate var firstNonFiniteBits: UInt32 {
        switch self {
        case .float32: 0x7F80_0000
        case .bfloat16: 0x7F7F_8000
        // 65520: half a unit above 65504, the largest number.
        case .float16: 0x477F_F000
        }
    }
}

extension Matrix {
    /// Whether all numbers are finite and stay finite when stored in `type`.
    public func isFinite(as type: ElementType = .float32) -> Bool { firstNonFiniteRow(as: type) == nil }

    /// The first row with a number that is not finite in `type`; nil if there is none.
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

    /// How many numbers are not finite in `type`.
    public func nonFiniteCount(as type: ElementType = .float32) -> Int {
        let limit = type.firstNonFiniteBits
        return (0..<rowCount).reduce(0) { count, index in
            let values = row(index)
            return count + (0..<columnCount).count { values[$0].bitPattern & 0x7FFF_FFFF >= limit }
        }
    }
}

extension StoredMatrix {
    /// Rows that are upcast at a time, so that memory stays small.
    private var bandRowCount: Int { max(1, (1 << 18) / max(columnCount, 1)) }

    /// The first row with a number that is not finite, and how many such numbers there are; nil if all numbers are finite.
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

    /// Whether both hold the same numbers, bit for bit after the upcast to floats. Their stored types may differ.
    ///
    /// Both are read up to the first difference. No copy of them is kept.
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
