import Collectives
import Datasets
import Model
import Objectives
import References
import Runs
import Settings
import Stepping

/// One evaluation: a pass over a dataset in its own order, without training.
package struct Evaluation<Kind: Trainability> {
    let runner: MicroBatchRunner<Kind>
    let mesh: Mesh
    let packer: MicroBatchPacker
    let clock: RunClock
    /// The remedy for values that are not finite.
    let remedy: String
    /// Names of the policy's parameters that are not finite. Called if values are not finite. Collective over all ranks.
    let wrongParameters: () throws -> [String]
    /// Called with the first values that are not finite; the evaluation then goes on. If nil, such values end the
    /// evaluation with a failure.
    let notice: ((String) throws -> Void)?

    package init(
        runner: MicroBatchRunner<Kind>, mesh: Mesh, packer: MicroBatchPacker, clock: RunClock, remedy: String,
        wrongParameters: @escaping () throws -> [String], notice: ((String) throws -> Void)?
    ) {
        self.runner = runner
        self.mesh = mesh
        self.packer = packer
        self.clock = clock
        self.remedy = remedy
        self.wrongParameters = wrongParameters
        self.notice = notice
    }

    /// Evaluates `dataset`. Collective over all ranks; all get the same report.
    ///
    /// - Parameter isStopped: asked between micro-batches by all ranks, with the same answer.
    /// - Returns: nil if the evaluation was stopped.
    /// - Throws: an `AgreedFailure` (internal) if a value is not finite. It names the first tensor and its records.
    package func run(
        _ dataset: DatasetFile, as role: DatasetRole, name: String, step: Int,
        isStopped: () throws(CollectiveError) -> Bool
    ) throws -> EvaluationReport? {
        var sums = StepSums(runner.objectives)
        var isFinite = true
        var start = 0
        while start < dataset.recordCount {
            if try isStopped() { return nil }
            let records = Array(start..<min(start + evaluationChunkSize, dataset.recordCount))
            start += records.count
            let plan = StepPlanner.plan(
                records, step: step, epoch: 0, dataset: dataset, packer: packer, dataRankCount: mesh.data.size)
            let batches = try runner.prepare(plan, of: role, in: dataset, packer: packer, mesh: mesh)
            guard
                try runner.evaluate(batches, dataRank: mesh.data.rank, sums: &sums, isStopped: isStopped)
            else { return nil }
            try runner.shareReferenceValues(of: plan, in: role, over: mesh.data)
            guard isFinite, try mesh.world.allReduceMaximum([sums.isFinite ? 0 : 1])[0] > 0 else { continue }
            isFinite = false
            try tell(plan, of: role, in: dataset, name: name)
        }
        let total = try sums.summed(over: mesh.data)
        var figures = [Figure("eval_loss", total.loss)]
        figures += total.figures.map { Figure("eval_\($0.name)", $0.value) }
        figures.append(Figure("eval_tokens", total.tokens))
        figures.append(Figure("eval_sequence_tokens", total.sequenceTokens))
        return EvaluationReport(
            step: step, dataset: name, figures: figures, moment: clock.moment,
            negativeLogLikelihood: total.negativeLogLikelihood)
    }

    /// Computes `plan` once more and looks for the first value that is not finite. Collective over all ranks.
    private func tell(_ plan: StepPlan, of role: DatasetRole, in dataset: DatasetFile, name: String) throws {
        let search = FaultSearch()
        runner.watch(search)
        defer { runner.watch(nil) }
        let batches = try runner.prepare(plan, of: role, in: dataset, packer: packer, mesh: mesh)
        var unused = StepSums(runner.objectives)
        _ = try runner.evaluate(batches, dataRank: mesh.data.rank, sums: &unused)
        let finding = try FaultFinding.first(search.fault, mesh: mesh)
        let failure = Failure.nonFinite(
            finding, place: "evaluation of \(name)", dataset: dataset.path, parameters: try wrongParameters(), remedy: remedy)
        guard let notice else { throw AgreedFailure(failure) }
        try notice("\(failure.place): \(failure.reason)")
    }
}

/// Records computed between two agreements of all ranks.
private let evaluationChunkSize = 256
