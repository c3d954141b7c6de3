import Checkpoints
import Collectives
import Datasets
import Foundation
import Inference
import References
import Settings
import Stepping
import Tensors

/// Checks on a model before it leaves the run: finite weights, and predictions better than chance.
extension Trainer {
    // MARK: Finite weights

    /// Reports parameters that are not finite before the first step. Rows that no record uses may be so; they stay
    /// unchanged. Collective over all ranks.
    func noteSpoiltParameters() throws {
        let wrong = try wrongParameters()
        spoiltAtStart = Set(wrong)
        guard !wrong.isEmpty else { return }
        try emit(.notice("the model that the run begins with has values that are not finite, in \(wrong.listed())"))
    }

    /// Refuses to keep parameters that the last update made not finite, before anything is written. Collective over all
    /// ranks.
    ///
    /// - Parameter type: the type in which they will be stored.
    /// - Throws: an `AgreedFailure` (internal) naming the first of these parameters.
    func checkParameters(after step: Int, as type: ElementType = .float32) throws {
        let wrong = try wrongParameters(as: type).filter { !spoiltAtStart.contains($0) }
        guard !wrong.isEmpty else { return }
        let nonFinite = try wrongParameters()
        let isTooLarge = nonFinite.allSatisfy(spoiltAtStart.contains)
        throw AgreedFailure(
            Failure(
                "step \(step)",
                "\(wrong.listed()) \(wrong.count == 1 ? "has" : "have") values that are "
                    + (isTooLarge ? "too large for export.dtype: bfloat16" : "not finite after the step's update"),
                remedy: isTooLarge ? "Nothing of this step is kept. Set export.dtype: float32." : endingRemedy, exitCode: .internal))
    }

    /// Runs one record of each data rank through the model after the last update, which no step has used. With validation
    /// sets the evaluation did this already. But if steps may be skipped, an evaluation without finite values is skipped
    /// too, so the check runs anyway. In this case a single record may be the cause, so the check fails only if all ranks
    /// fail. Collective over all ranks.
    ///
    /// - Throws: an `AgreedFailure` (internal) naming the first tensor that is not finite, and its record.
    func checkForward(after step: Int) throws {
        let mayBeRecord = stepGuard.settings.nonFinite == .skip
        guard run.validation.isEmpty || mayBeRecord, let dataset = run.training else { return }
        let plan = StepPlan(
            step: step, epoch: 0, microBatches: (0..<mesh.data.size).map { [[$0 % dataset.recordCount]] }, oversized: [])
        let batches = try mesh.agreed {
            try StepBatches(plan, of: .training, in: dataset, packer: packer, dataRank: mesh.data.rank, serving: [])
        }
        func compute(_ search: FaultSearch?) throws(CollectiveError) -> Bool {
            search?.begin(batches.own[0], at: MicroBatchPlace(dataRank: mesh.data.rank, index: 0))
            let values = try policy.forward(batches.own[0].plan).scored.logProbabilities
            search?.observeLogProbabilities("log-probabilities", values)
            return values.allSatisfy(\.isFinite)
        }
        let isFinite = try compute(nil)
        _ = stopwatch.take()
        let wrong = try mesh.world.allReduce([isFinite ? 0 : 1])[0]
        guard wrong > 0, !mayBeRecord || Int(wrong) == mesh.world.size else { return }
        let search = FaultSearch()
        policy.observer = { search.observe($0, $1) }
        defer { policy.observer = nil }
        _ = try compute(search)
        throw AgreedFailure(
            .nonFinite(
                try FaultFinding.first(search.fault, mesh: mesh), place: "the model after step \(step)", dataset: dataset.path,
                parameters: try wrongParameters(), remedy: endingRemedy))
    }

    private var endingRemedy: String {
        "Nothing of this step is kept. Lower optimizer.learning_rate"
            + (checkpoints.steps.isEmpty ? "." : ", or go back to an earlier checkpoint with --resume=STEP.")
    }

    // MARK: Better than chance

    /// Reports if the final model predicts its data no better than chance: the validation sets, or else the data of the
    /// last step. On the first rank.
    func tellChance(step: Int) throws(Failure) {
        if run.validation.isEmpty {
            try tellChance(lastLikelihood, of: "the data of step \(step), before its update")
        } else {
            for entry in run.validation { try tellChance(likelihoods[entry.name], of: entry.name) }
        }
    }

    private func tellChance(_ nats: Double?, of what: String) throws(Failure) {
        guard let notice = ChanceLevel(vocabularySize: run.policy.configuration.vocabularySize).notice(nats, of: what) else { return }
        try emit(.notice(notice))
    }
}
