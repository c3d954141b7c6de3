import Checkpoints
import Collectives
import Datasets
import Model
import References
import Runs
import Settings
import Stepping

@testable import Training

extension Trainer {
    /// Log-probabilities of every scored row of some records.
    public struct Probe: Equatable, Sendable {
        public var policy: [Double]
        public var references: [String: [Double]]
    }

    /// The current values of the policy and the references for `records` of the training data. Collective over all ranks.
    public func logProbabilities(ofRecords records: [Int]) throws -> Probe {
        // The records are the only micro-batch of every data rank.
        let step = StepPlan(
            step: 0, epoch: 0, microBatches: (0..<mesh.data.size).map { _ in [records] }, oversized: [])
        let batches = try runner.prepare(
            step, of: .training, in: run.training!, packer: packer, mesh: mesh, isCached: false)
        let (batch, plan) = (batches.own[0], batches.own[0].plan)
        var references: [String: [Double]] = [:]
        for hook in runner.hooks { references[hook.name] = try hook.values(for: plan).logProbabilities }
        for bridge in runner.bridges {
            try bridge.serve(0) { batches.served($0).plan }
            let place = MicroBatchPlace(dataRank: mesh.data.rank, index: 0)
            references[bridge.name] = try bridge.values(for: batch, at: place).logProbabilities
            try bridge.finish()
        }
        return Probe(policy: try policy.forward(plan).scored.logProbabilities, references: references)
    }

    /// Writes the gradients of the schedule's first step, summed over all data ranks, as a Hugging Face folder, without an
    /// update. Tests use it to compare layouts tensor by tensor. Collective over all ranks.
    public func exportFirstStepGradients(to folder: String) throws {
        var planner = StepPlanner(
            run.training!, configuration: run.configuration, dataRankCount: mesh.data.size, lengthLimit: run.lengthLimit)
        _ = try accumulate(planner.next()!, dataset: run.training!)
        _ = try reduceGradients()
        if isSharded { try reduction.share(policy.parameters.gradientBlock.flat) }
        let exporter = Exporter(mesh: mesh, policy: policy, origin: run.policy, elementType: .float32, protected: [])
        try exporter.run(to: folder, quantity: .gradients)
        _ = stopwatch.take()
    }

    /// Loads a checkpoint of the run and saves it again below `folder` in this layout. Tests use it to compare the loaded
    /// state with the saved one. Collective over all ranks.
    public func copyCheckpoint(step: Int, to folder: String) throws {
        var planner = StepPlanner(
            run.training!, configuration: run.configuration, dataRankCount: mesh.data.size, lengthLimit: run.lengthLimit)
        try restore(checkpoints.checkpoint(step: step).verified(mesh), planner: &planner)
        let own = checkpoints
        defer { checkpoints = own }
        checkpoints = CheckpointStore(runDirectory: folder)
        try save(planner)
        try completeSave()
    }
}
