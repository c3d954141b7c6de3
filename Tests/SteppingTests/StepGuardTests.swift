import Checkpoints
import Foundation
import JSON
import Settings
import Testing

@testable import Stepping

@Suite struct StepGuardTests {
    private func verdicts(_ settings: StepGuardSettings, _ losses: [Double]) -> [String] {
        var stepGuard = StepGuard(settings)
        return losses.map { loss in
            switch stepGuard.judge(loss: loss, gradientNorm: 1) {
            case .update: "update"
            case .skip(.nonFinite): "skip"
            case .skip(.spike): "skip spike"
            case .stop: "stop"
            }
        }
    }

    @Test(
        "a loss or a norm that is not finite stops the run unless it may skip",
        arguments: [
            (Double.nan, 1.0), (.infinity, 1), (1, .nan), (1, .infinity), (-.infinity, 1),
        ])
    func nonFinite(loss: Double, gradientNorm: Double) {
        var stopping = StepGuard(StepGuardSettings())
        #expect(stopping.judge(loss: loss, gradientNorm: gradientNorm) == .stop(.nonFinite))
        var skipping = StepGuard(StepGuardSettings(nonFinite: .skip))
        #expect(skipping.judge(loss: loss, gradientNorm: gradientNorm) == .skip(.nonFinite))
        #expect(skipping.state.skippedCount == 1 && skipping.state.skippedInRow == 1)
    }

    @Test("skips in a row are limited, others are not")
    func limit() {
        let settings = StepGuardSettings(nonFinite: .skip, skipLimit: 3)
        let (bad, good) = (Double.nan, 1.0)
        #expect(verdicts(settings, [bad, bad, good, bad, bad, good]) == ["skip", "skip", "update", "skip", "skip", "update"])
        #expect(verdicts(settings, [bad, bad, bad]) == ["skip", "skip", "stop"])
    }

    /// 1, 2, 3, 4: mean 2.5, sample variance 5/3; 2.5 + 2 · 1.29099 = 5.08199.
    @Test("a spike is a loss so many sample standard deviations above the mean of the last updates")
    func spikes() {
        let settings = StepGuardSettings(spikeZScore: 2, spikeWindow: 4)
        #expect(verdicts(settings, [1, 2, 3, 4, 5.08]) == ["update", "update", "update", "update", "update"])
        #expect(verdicts(settings, [1, 2, 3, 4, 5.09]) == ["update", "update", "update", "update", "skip spike"])
        // Fallen losses are no spikes, nor is any loss before the window is full or where all were equal.
        #expect(verdicts(settings, [1, 2, 3, 4, -90]).last == "update")
        #expect(verdicts(settings, [1, 2, 3, 90]).last == "update")
        #expect(verdicts(settings, [1, 1, 1, 1, 2]).last == "update")
    }

    @Test("a skipped spike is not among the losses that the next is compared with, and only updates move the window")
    func window() {
        let settings = StepGuardSettings(spikeZScore: 2, spikeWindow: 4, skipLimit: 9)
        var stepGuard = StepGuard(settings)
        for loss in [9, 1, 2, 3, 4, 50, 60] as [Double] { _ = stepGuard.judge(loss: loss, gradientNorm: 1) }
        #expect(stepGuard.state.recentLosses == [1, 2, 3, 4] && stepGuard.state.skippedCount == 2)
    }

    @Test("its state goes through a checkpoint's JSON to the last bit")
    func coded() throws {
        var state = TrainerState()
        state.stepGuard.skippedCount = 3
        state.stepGuard.recentLosses = [0.1 + 0.2, 1 / 3, 5e-324, 0.6931471805599453]
        state.pending = PendingWork(evaluations: ["a", "b"], isExportDue: true)
        let read: TrainerState = try JSONValue(parsing: Array(state.json.indented.utf8)).decoded()
        #expect(read == state)
    }
}
