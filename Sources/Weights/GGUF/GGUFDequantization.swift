import Settings
import Tensors

extension Storage {
    /// The whole number at byte `offset`, in any alignment.
    func littleEndian<Integer: FixedWidthInteger>(_ type: Integer.Type, at offset: Int) -> Integer {
        invariant(offset >= 0 && offset + MemoryLayout<Integer>.size <= byteCount, "a number lies in its memory")
        return Integer(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// Decodes one row, which begins at byte `offset`, into row `target` of `destination`.
    ///
    /// The product of a float16 and an 8-bit number is exact in float32. Only the sum of Q4_1 rounds, once, so every correct
    /// reader gets the same bits.
    func decodeRow(at offset: Int, as encoding: GGUFEncoding, into destination: Matrix, row target: Int) {
        let columnCount = destination.columnCount
        switch encoding {
        case .float32: upcastRow(at: offset, .float32, into: destination.rows(target..<target + 1))
        case .float16: upcastRow(at: offset, .float16, into: destination.rows(target..<target + 1))
        case .bfloat16: upcastRow(at: offset, .bfloat16, into: destination.rows(target..<target + 1))
        case .eightBits:
            let floats = destination.row(target)
            for (block, start) in blockStarts(at: offset, columnCount: columnCount, byteCount: 34) {
                let scale = float16(at: start)
                for index in 0..<32 {
                    let quantum = base.load(fromByteOffset: start + 2 + index, as: Int8.self)
                    floats[32 * block + index] = scale * Float(quantum)
                }
            }
        case .fourBits:
            for (block, start) in blockStarts(at: offset, columnCount: columnCount, byteCount: 18) {
                let scale = float16(at: start)
                decodeNibbles(at: start + 2, into: destination.row(target) + 32 * block) { scale * Float($0 - 8) }
            }
        case .fourBitsWithMinimum:
            for (block, start) in blockStarts(at: offset, columnCount: columnCount, byteCount: 20) {
                let scale = float16(at: start)
                let minimum = float16(at: start + 2)
                decodeNibbles(at: start + 4, into: destination.row(target) + 32 * block) { scale * Float($0) + minimum }
            }
        }
    }

    private func upcastRow(at offset: Int, _ type: ElementType, into row: Matrix) {
        StoredMatrix(
            storage: self, byteOffset: offset, elementType: type, rowCount: 1, columnCount: row.columnCount
        ).upcast(into: row)
    }

    /// The index and the first byte of each block, after the check that all blocks lie in memory.
    private func blockStarts(
        at offset: Int, columnCount: Int, byteCount: Int
    ) -> some Sequence<(index: Int, start: Int)> {
        let blocks = columnCount / 32
        invariant(
            columnCount.isMultiple(of: 32) && offset >= 0 && offset + blocks * byteCount <= self.byteCount,
            "blocks are of 32 numbers, and lie in their memory")
        return (0..<blocks).lazy.map { (index: $0, start: offset + $0 * byteCount) }
    }

    private func float16(at offset: Int) -> Float { Float(Float16(bitPattern: littleEndian(UInt16.self, at: offset))) }

    /// 16 bytes hold 32 numbers: byte i has number i in its lower half and number i + 16 in its upper half.
    private func decodeNibbles(
        at offset: Int, into floats: UnsafeMutablePointer<Float>, _ number: (Int32) -> Float
    ) {
        for index in 0..<16 {
            let byte = base.load(fromByteOffset: offset + index, as: UInt8.self)
            floats[index] = number(Int32(byte & 15))
            floats[index + 16] = number(Int32(byte >> 4))
        }
    }
}
