import Kernels
import Settings
import Tensors

/// A sum and what to divide it by, once both were added up over the whole step.
public struct MetricSum: Sendable, Equatable {
    public var sum: Double
    public var count: Double

    public init(sum: Double = 0, count: Double = 0) {
        self.sum = sum
        self.count = count
    }

    public static func += (left: inout MetricSum, right: MetricSum) {
        left.sum += right.sum
        left.count += right.count
    }
}
