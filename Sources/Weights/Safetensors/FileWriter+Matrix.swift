import Files
import Settings
import Tensors

extension FileWriter {
    /// All rows of `matrix`, without gaps, as `elementType`. bfloat16 is rounded to the nearest, ties to even.
    func write(_ matrix: Matrix, as elementType: ElementType) throws(Failure) {
        for index in 0..<matrix.rowCount {
            let row = UnsafeBufferPointer(start: matrix.row(index), count: matrix.columnCount)
            try write(count: row.count, elementByteCount: elementType.byteCount) { range, target in
                encode(UnsafeBufferPointer(rebasing: row[range]), as: elementType, into: target)
            }
        }
    }

    private func encode(
        _ values: UnsafeBufferPointer<Float>, as elementType: ElementType, into target: UnsafeMutableRawBufferPointer
    ) {
        switch elementType {
        case .float32: target.copyMemory(from: UnsafeRawBufferPointer(values))
        case .bfloat16:
            for index in values.indices {
                target.storeBytes(of: bfloat16Bits(values[index]), toByteOffset: 2 * index, as: UInt16.self)
            }
        case .float16: brokenInvariant("nothing is exported as float16")
        }
    }
}
