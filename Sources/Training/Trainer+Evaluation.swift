import Collectives
import Datasets
import Diagnosis
import Inference
import References
import Runs
import Settings

/// Validation figures between steps.
extension Trainer {
    /// Evaluates one dataset, until the run is asked to stop; then nothing is reported. A dataset that the run no longer
    /// has is skipped. Returns the reason to stop.
    func evaluate(step: Int, only name: String) throws -> StopReason? {
        guard let entry = run.validation.first(where: { $0.name == name }) else { return nil }
        return try evaluate(step: step, entry) { () throws(CollectiveError) in
            try self.stopReason { $0.mustSave(at: $1) }
        }
    }

    private func evaluate(
        step: Int, _ entry: (name: String, file: DatasetFile), stop: () throws(CollectiveError) -> StopReason?
    ) throws -> StopReason? {
        RankActivity.begin(.evaluating, step: step)
        defer { RankActivity.begin(.stepEdge, step: step) }
        // Only a training run has steps to skip.
        let isSpared = run.training != nil && stepGuard.settings.nonFinite == .skip
        let evaluation = Evaluation(
            runner: runner, mesh: mesh, packer: packer, clock: clock, remedy: remedy(step: step),
            wrongParameters: { try self.wrongParameters() }, notice: isSpared ? { try self.emit(.notice($0)) } : nil)
        let role = DatasetRole.validation(run.validation.firstIndex { $0.name == entry.name }!)
        runner.twins = []
        var reason: StopReason?
        let report = try evaluation.run(entry.file, as: role, name: entry.name, step: step) { () throws(CollectiveError) in
            reason = try stop()
            return reason != nil
        }
        _ = stopwatch.take()
        if let report {
            likelihoods[entry.name] = report.negativeLogLikelihood
            try emit(.evaluated(report))
        }
        return reason
    }

    /// The remedy for an evaluation without finite values.
    private func remedy(step: Int) -> String {
        step == 0 ? Evaluator.remedy(for: run.policy) : "Lower optimizer.learning_rate, or look at these records."
    }
}
