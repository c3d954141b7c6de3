import Settings

/// Other arrangements of the same stored numbers. No number is converted.
extension StoredMatrix {
    /// The same memory with rows of another length. There must be no gaps between the rows.
    public func reshaped(rowCount: Int, columnCount: Int) -> StoredMatrix {
        invariant(
            rowCount * columnCount == self.rowCount * self.columnCount && (stride == self.columnCount || self.rowCount <= 1),
            "another shape holds the same numbers, without gaps")
        return StoredMatrix(
            storage: storage, byteOffset: byteOffset, elementType: elementType, rowCount: rowCount, columnCount: columnCount)
    }

    /// A copy of the rows of all `parts`, one after the other. The parts have the same type and number of columns.
    public static func stacking(_ parts: [StoredMatrix]) -> StoredMatrix {
        let copy = memory(of: parts[0], rowCount: parts.reduce(0) { $0 + $1.rowCount }, columnCount: parts[0].columnCount)
        let rowByteCount = copy.columnCount * copy.elementType.byteCount
        var target = copy.storage.base
        for part in parts {
            invariant(
                part.elementType == copy.elementType && part.columnCount == copy.columnCount, "stacked parts are of one kind")
            for row in 0..<part.rowCount {
                let source = part.storage.base + part.byteOffset + row * part.stride * part.elementType.byteCount
                target.copyMemory(from: source, byteCount: rowByteCount)
                target += rowByteCount
            }
        }
        return copy
    }

    /// A copy with rows and columns exchanged.
    public func transposed() -> StoredMatrix {
        let copy = StoredMatrix.memory(of: self, rowCount: columnCount, columnCount: rowCount)
        let size = elementType.byteCount
        for row in 0..<rowCount {
            let source = storage.base + byteOffset + row * stride * size
            for column in 0..<columnCount {
                (copy.storage.base + (column * rowCount + row) * size).copyMemory(from: source + column * size, byteCount: size)
            }
        }
        return copy
    }

    private static func memory(of source: StoredMatrix, rowCount: Int, columnCount: Int) -> StoredMatrix {
        let byteCount = rowCount * columnCount * source.elementType.byteCount
        return StoredMatrix(
            storage: Storage(floatCount: (byteCount + 3) / 4), byteOffset: 0, elementType: source.elementType, rowCount: rowCount,
            columnCount: columnCount)
    }
}
