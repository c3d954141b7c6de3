import Tensors
import Testing

@testable import Kernels

/// Uniform in (−scale, scale], the same for the same seed and shape.
func randomMatrix(_ rowCount: Int, _ columnCount: Int, scale: Double = 1, seed: UInt64) -> Matrix {
    let matrix = Matrix(rowCount: rowCount, columnCount: columnCount)
    var random = KeyedRandom(key: seed, UInt64(rowCount), UInt64(columnCount))
    for index in 0..<matrix.elementCount { matrix.pointer[index] = Float(scale * (2 * random.nextUnit() - 1)) }
    return matrix
}

/// `[1, R]`, a copy of the first column of `matrix[R, C]`.
func firstColumn(_ matrix: Matrix) -> Matrix {
    Matrix(rowCount: 1, columnCount: matrix.rowCount, values: (0..<matrix.rowCount).map { matrix[$0, 0] })
}

/// Memory that a kernel has to write whole: what it leaves out stays NaN and fails every comparison.
func unwrittenMatrix(_ rowCount: Int, _ columnCount: Int) -> Matrix {
    let matrix = Matrix(rowCount: rowCount, columnCount: columnCount)
    matrix.fill(.nan)
    return matrix
}

private let productsAreSingleThreaded: Void = prepareMatrixProducts()

func makeWorkers(_ threadCount: Int = 2) -> Workers {
    productsAreSingleThreaded
    return Workers(threadCount: threadCount)
}

/// A matrix that is a part of a larger one, as a shard or a fused projection is. The frame around it holds NaN:
/// a kernel that reads outside its view spoils its result, and one that writes there is seen by `isIntact`.
struct FramedMatrix {
    let whole: Matrix
    let inner: Matrix
    private let rows: Range<Int>
    private let columns: Range<Int>

    init(_ content: Matrix) {
        whole = unwrittenMatrix(content.rowCount + 2, content.columnCount + 5)
        rows = 1..<(1 + content.rowCount)
        columns = 3..<(3 + content.columnCount)
        inner = whole.rows(rows).columns(columns)
        inner.copy(from: content)
    }

    var isIntact: Bool {
        for row in 0..<whole.rowCount {
            for column in 0..<whole.columnCount where !(rows.contains(row) && columns.contains(column)) {
                if !whole[row, column].isNaN { return false }
            }
        }
        return true
    }
}

/// `‖actual − expected‖ / max(‖expected‖, floor)`; without either, the plain norm of what should be zero.
func relativeError(_ actual: some Sequence<Float>, _ expected: [Double], floor: Double = 0) -> Double {
    let actual = Array(actual)
    precondition(actual.count == expected.count, "two shapes are compared")
    var difference = 0.0
    for (found, wanted) in zip(actual, expected) { difference += (Double(found) - wanted) * (Double(found) - wanted) }
    let norm = max(euclideanNorm(expected), floor)
    return norm > 0 ? difference.squareRoot() / norm : difference.squareRoot()
}

func relativeError(_ actual: Matrix, _ expected: Table, floor: Double = 0) -> Double {
    precondition(actual.rowCount == expected.rowCount && actual.columnCount == expected.columnCount)
    return relativeError(actual.values, expected.values, floor: floor)
}

func euclideanNorm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

func largestDifference(_ first: [Double], _ second: [Double]) -> Double {
    precondition(first.count == second.count, "two shapes are compared")
    var largest = 0.0
    for (a, b) in zip(first, second) {
        let difference = abs(a - b)
        // Written so that a NaN is the largest difference.
        if !(difference <= largest) { largest = difference.isNaN ? .infinity : difference }
    }
    return largest
}

/// No value is infinite or NaN.
func isFinite(_ values: [some FloatingPoint]) -> Bool { values.allSatisfy { $0.isFinite } }

/// The bits of all elements, row by row: equal for results that agree to the last bit.
func bits(_ matrix: Matrix) -> [UInt32] { matrix.values.map(\.bitPattern) }

/// Random weights in a file's type that start `byteOffset` bytes into their memory.
func randomStoredMatrix(
    _ rowCount: Int, _ columnCount: Int, type: ElementType, byteOffset: Int, seed: UInt64
) -> StoredMatrix {
    let byteCount = byteOffset + rowCount * columnCount * type.byteCount
    let storage = Storage(floatCount: (byteCount + 3) / 4)
    for (index, value) in randomMatrix(rowCount, columnCount, seed: seed).values.enumerated() {
        let offset = byteOffset + index * type.byteCount
        switch type {
        case .float32: storage.base.storeBytes(of: value.bitPattern, toByteOffset: offset, as: UInt32.self)
        case .float16: storage.base.storeBytes(of: Float16(value).bitPattern, toByteOffset: offset, as: UInt16.self)
        case .bfloat16:
            storage.base.storeBytes(of: UInt16(value.bitPattern >> 16), toByteOffset: offset, as: UInt16.self)
        }
    }
    return StoredMatrix(
        storage: storage, byteOffset: byteOffset, elementType: type, rowCount: rowCount, columnCount: columnCount)
}

/// The same weights as floats in memory of their own.
func floats(of stored: StoredMatrix) -> Matrix {
    let matrix = unwrittenMatrix(stored.rowCount, stored.columnCount)
    stored.upcast(into: matrix)
    return matrix
}

/// How weights may lie in a mapped file: every type, aligned and not.
struct StoredPlacement: Sendable, CustomTestStringConvertible {
    let type: ElementType
    let byteOffset: Int

    var testDescription: String { "\(type.rawValue) from byte \(byteOffset)" }

    static let all = [
        StoredPlacement(type: .float32, byteOffset: 0), StoredPlacement(type: .float32, byteOffset: 2),
        StoredPlacement(type: .float32, byteOffset: 7), StoredPlacement(type: .float16, byteOffset: 0),
        StoredPlacement(type: .float16, byteOffset: 3), StoredPlacement(type: .bfloat16, byteOffset: 6),
        StoredPlacement(type: .bfloat16, byteOffset: 5),
    ]
}
