import Foundation

/// The learning rate of every step of a run: a linear warm-up, then constant, linear or cosine.
///
/// With `S` steps in the run, `w = ⌈warmup fraction · S⌉` of warm-up and the peak rate η, step `s` (from 1) has
///
///     s ≤ w:           η · s / w
///     s > w, constant: η
///     s > w, linear:   η · (S + 1 − s) / (S − w)
///     s > w, cosine:   η · ½ · (1 + cos(π · (s − 1 − w) / (S − w)))
///
/// After warm-up, the rates equal those of Transformers' `get_linear_schedule_with_warmup` and
/// `get_cosine_schedule_with_warmup` with the argument s − 1: the first step after warm-up has the peak rate, and step S + 1
/// would have the rate 0. The warm-up differs on purpose: it starts at η / w, so no step has the rate 0.
public struct LearningRateSchedule: Equatable, Sendable {
    /// η, the highest rate.
    public let peak: Double
    /// w, in steps.
    public let warmupSteps: Int
    /// S, in steps.
    public let totalSteps: Int
    public let decay: LearningRateDecay

    /// - Parameter totalSteps: the optimizer steps of the whole run, at least 1.
    public init(_ optimizer: OptimizerSettings, totalSteps: Int) {
        invariant(totalSteps > 0, "a run has at least one step")
        peak = optimizer.learningRate
        warmupSteps = min(totalSteps, Int((optimizer.warmupFraction * Double(totalSteps)).rounded(.up)))
        self.totalSteps = totalSteps
        decay = optimizer.decay
    }

    /// The rate of `step`, counted from 1 to `totalSteps`.
    public func rate(step: Int) -> Double {
        invariant(step >= 1 && step <= totalSteps, "step \(step) is not one of 1...\(totalSteps)")
        if step <= warmupSteps { return peak * Double(step) / Double(warmupSteps) }
        let decaySteps = Double(totalSteps - warmupSteps)
        let done = Double(step - 1 - warmupSteps)
        switch decay {
        case .constant: return peak
        case .linear: return peak * (decaySteps - done) / decaySteps
        case .cosine: return peak * 0.5 * (1 + cos(.pi * done / decaySteps))
        }
    }
}
