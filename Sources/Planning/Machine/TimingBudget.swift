import Collectives
import Dispatch
import Kernels

/// How long a thing is repeated.
public struct TimingBudget: Sendable {
    /// Seconds of repetition for each thing.
    public var seconds: Double

    public init(quick: Bool) { seconds = quick ? 0.002 : 0.05 }

    public init(seconds: Double) { self.seconds = seconds }

    /// Seconds of one `body`: the median of its repetitions, three at least, after one that is not counted.
    public func measure(_ body: () throws -> Void) rethrows -> Double {
        try body()
        var times: [Double] = []
        let start = now()
        while times.count < 3 || (now() - start < seconds && times.count < 1000) {
            let before = now()
            try body()
            times.append(now() - before)
        }
        return median(times)
    }
}
