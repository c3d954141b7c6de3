import Tensors

// U scored hidden rows, D model width, V' vocabulary rows on this rank.

/// `[U, sumCount]` sums. Each task adds to different rows.
final class RowSums: @unchecked Sendable {
    private let sumCount: Int
    private let memory: UnsafeMutableBufferPointer<Double>

    init(rowCount: Int, sumCount: Int) {
        self.sumCount = sumCount
        memory = .allocate(capacity: rowCount * sumCount)
        memory.initialize(repeating: 0)
    }

    deinit { memory.deallocate() }

    var values: [Double] { Array(memory) }

    func row(_ index: Int) -> UnsafeMutableBufferPointer<Double> {
        UnsafeMutableBufferPointer(rebasing: memory[(index * sumCount)..<((index + 1) * sumCount)])
    }
}
