import Checkpoints
import Collectives
import Datasets
import Foundation
import Inference
import References
import Settings
import Stepping
import Tensors

/// What is asked of a model before it leaves the run: numbers, and sense.
extension Trainer {
    // MARK: Numbers

    /// Says which parameters are no numbers before the first step: rows that no record needs may be so, and stay as they are.
    /// Collective over all ranks.
    func noteSpoiltParameters() throws {
        let wrong = try wrongParameters()
        spoiltAtStart = Set(wrong)
        guard !wrong.isEmpty else { return }
        try emit(.notice("the model that the run begins with has values that are not finite, in \(wrong.listed())"))
    }

    /// Refuses to keep parameters that the last update made something else than numbers, before anything is written of them.
    /// Collective over all ranks.
    ///
    /// - Parameter type: in which they are to be stored.
    /// - Throws: an `AgreedFailure` (internal) naming the first of them.
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
                remedy: isTooLarge ? "Nothing of it is kept. Set export.dtype: float32." : endingRemedy, exitCode: .internal))
    }

    /// Where nothing is validated, nobody has computed with what the last update made: a record of each data rank is, once.
    /// Where steps may be skipped, so may an evaluation that gave no number: there it is done all the same, and a record may be
    /// to blame instead of the model. Collective over all ranks.
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
        "Nothing of it is kept. Lower optimizer.learning_rate"
            + (checkpoints.steps.isEmpty ? "." : ", or go back to an earlier checkpoint with --resume=STEP.")
    }

    // MARK: Sense

    /// Says where the model that the run ends with predicts its data no better than chance: of the validation sets, where there
    /// are any, else of the last step. On the first rank.
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
