import Model
import Settings
import Stepping

/// Expected seconds of a step, split as the trainer splits measured ones: means over ranks, waiting counted as communication.
public struct StepSeconds: Equatable, Sendable {
    public var parts: [Stopwatch.Section: Double] = [:]
    public var total: Double { Stopwatch.Section.allCases.reduce(0) { $0 + self[$1] } }

    public subscript(section: Stopwatch.Section) -> Double {
        get { parts[section] ?? 0 }
        set { parts[section] = newValue }
    }

    /// Mean over steps.
    static func mean(_ steps: [StepSeconds]) -> StepSeconds {
        var mean = StepSeconds()
        for section in Stopwatch.Section.allCases {
            mean[section] = steps.reduce(0) { $0 + $1[section] } / Double(max(steps.count, 1))
        }
        return mean
    }
}
