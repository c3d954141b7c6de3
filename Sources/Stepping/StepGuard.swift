import Checkpoints
import Settings

/// Judges a step before its update, by its loss and gradient norm. Both belong to the full step and have the same bits on
/// all ranks, so all ranks judge alike without communication.
package struct StepGuard {
    package enum Verdict: Equatable {
        case update
        /// The step changes no parameter.
        case skip(Anomaly)
        case stop(Anomaly)
    }

    package enum Anomaly: Equatable {
        /// The loss or the gradient norm is not finite.
        case nonFinite
        /// The loss is `zScore` standard deviations above the mean of the recent losses.
        case spike(zScore: Double, mean: Double)
    }

    package let settings: StepGuardSettings
    package var state = StepGuardState()

    package init(_ settings: StepGuardSettings) { self.settings = settings }

    /// Counts the step as updated or skipped.
    package mutating func judge(loss: Double, gradientNorm: Double) -> Verdict {
        guard let anomaly = anomaly(loss: loss, gradientNorm: gradientNorm) else {
            state.skippedInRow = 0
            if settings.spikeZScore != nil {
                state.recentLosses = (state.recentLosses + [loss]).suffix(settings.spikeWindow)
            }
            return .update
        }
        if anomaly == .nonFinite && settings.nonFinite == .stop { return .stop(anomaly) }
        state.skippedInRow += 1
        guard state.skippedInRow < settings.skipLimit else { return .stop(anomaly) }
        state.skippedCount += 1
        return .skip(anomaly)
    }

    private func anomaly(loss: Double, gradientNorm: Double) -> Anomaly? {
        guard loss.isFinite, gradientNorm.isFinite else { return .nonFinite }
        guard let limit = settings.spikeZScore, let (zScore, mean) = zScore(loss), zScore > limit else { return nil }
        return .spike(zScore: zScore, mean: mean)
    }

    /// (loss − mean) / s over the recent losses, where s² is their sum of squared deviations / (n − 1). Nil until the
    /// window is full, and if all losses in it are equal. Losses of skipped steps do not count.
    private func zScore(_ loss: Double) -> (zScore: Double, mean: Double)? {
        let losses = state.recentLosses
        guard losses.count == settings.spikeWindow else { return nil }
        let mean = losses.reduce(0, +) / Double(losses.count)
        let variance = losses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(losses.count - 1)
        return variance > 0 ? ((loss - mean) / variance.squareRoot(), mean) : nil
    }
}
