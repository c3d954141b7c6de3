import Kernels
import Settings
import Tensors

/// A metric's sum and its divisor. Both are summed over the whole step before the division.
public struct MetricSum: Sendable, Equatable {
    public var sum: Double
    public var count: Double

    public init(sum: Double = 0, count: Double = 0) {
        self.sum = sum
        self.count = count
    }

    public var mean: Double { sum / count }

    public static func += (left: inout MetricSum, right: MetricSum) {
        left.sum += right.sum
        left.count += right.count
    }
}
