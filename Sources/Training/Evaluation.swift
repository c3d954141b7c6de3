import Collectives
import Datasets
import Objectives
import Settings

/// Validation figures: one pass over a dataset in its own order, nothing trained.
struct Evaluation {
    let runner: MicroBatchRunner
    let mesh: Mesh
    let packer: MicroBatchPacker
    let clock: RunClock
    /// Records that are computed between two agreements of all ranks.
    private static let chunkSize = 256

    /// Collective over all ranks; all get the same report.
    ///
    /// - Parameter isStopped: asked between micro-batches, by all ranks alike.
    /// - Returns: nil where it was stopped.
    func run(
        _ dataset: DatasetFile, as role: DatasetRole, name: String, step: Int,
        isStopped: () throws(CollectiveError) -> Bool
    ) throws -> EvaluationReport? {
        var sums = StepSums(runner.objectives)
        var start = 0
        while start < dataset.recordCount {
            if try isStopped() { return nil }
            let records = Array(start..<min(start + Evaluation.chunkSize, dataset.recordCount))
            start += records.count
            let plan = StepPlanner.plan(
                records, step: step, epoch: 0, dataset: dataset, packer: packer, dataRankCount: mesh.data.size)
            let batches = try runner.prepare(plan, of: role, in: dataset, packer: packer, mesh: mesh)
            guard
                try runner.run(
                    batches, dataRank: mesh.data.rank, sums: &sums, denominators: nil, isStopped: isStopped)
            else { return nil }
            try runner.shareReferenceValues(of: plan, in: role, over: mesh.data)
        }
        let total = try sums.summed(over: mesh.data)
        var figures = [Figure("eval_loss", total.loss)]
        figures += total.figures.map { Figure("eval_\($0.name)", $0.value) }
        figures.append(Figure("eval_tokens", total.tokens))
        figures.append(Figure("eval_sequence_tokens", total.sequenceTokens))
        return EvaluationReport(step: step, dataset: name, figures: figures, moment: clock.moment)
    }
}
