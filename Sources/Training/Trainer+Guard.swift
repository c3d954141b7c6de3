import Checkpoints
import Collectives
import Datasets
import Foundation
import Kernels
import Model
import Runs
import Settings
import Stepping
import Tensors

extension Trainer {
    /// Whether the step may update the parameters. Called before the update. Collective over all ranks.
    ///
    /// - Throws: an `AgreedFailure` (internal) if the run must stop. Nothing was updated in this case.
    func mayUpdate(_ step: StepValues) throws -> Bool {
        switch stepGuard.judge(loss: step.loss, gradientNorm: step.gradientNorm) {
        case .update: return true
        case .skip(let anomaly):
            let (place, reason, _) = try describe(anomaly, step)
            try emit(.notice("step \(step.plan.step) changes nothing: \(place.map { $0 + ": " } ?? "")\(reason)"))
            return false
        case .stop(let anomaly):
            let (place, reason, remedy) = try describe(anomaly, step)
            throw AgreedFailure(
                Failure(
                    "step \(step.plan.step)\(place.map { ", " + $0 } ?? "")", reason + limitReached,
                    remedy: "Nothing was updated. " + remedy, exitCode: .internal))
        }
    }

    private var limitReached: String {
        let count = stepGuard.state.skippedInRow
        return count > 1 ? "; it would be skipped step number \(count) in a row (optimizer.skip_limit)" : ""
    }

    /// The place, the reason and the remedy of a failure.
    private typealias Description = (place: String?, reason: String, remedy: String)

    private func describe(_ anomaly: StepGuard.Anomaly, _ step: StepValues) throws -> Description {
        switch anomaly {
        case .nonFinite: return try describeNonFinite(step)
        case .spike(let zScore, let mean):
            let text = String(format: "the loss %g is %.1f standard deviations above %g", step.loss, zScore, mean)
            return (
                nil, "\(text), the mean of the last \(stepGuard.settings.spikeWindow) losses",
                "Lower optimizer.learning_rate, or raise optimizer.spike_z_score."
            )
        }
    }

    // MARK: The first value that is not finite

    private func describeNonFinite(_ step: StepValues) throws -> Description {
        let remedy =
            stepGuard.settings.nonFinite == .stop
            ? "Lower optimizer.learning_rate, look at these records, or set optimizer.non_finite: skip."
            : "Lower optimizer.learning_rate, or look at these records."
        let values = "loss \(Trainer.shown(step.loss)), gradient norm \(Trainer.shown(step.gradientNorm))"
        let fault = try searchFault(step.plan)
        let wrong = try wrongParameters()
        guard let found = try FaultFinding.first(fault, mesh: mesh) else {
            let reason = "\(values), and all values were finite when the step was computed once more"
            return (nil, reason, "Check the memory and the processors of the hosts.")
        }
        let dump = try writeDump(of: found, fault, parameters: wrong, step)
        var reason = "\(found.reason(parameters: [])) (\(values))"
        if !wrong.isEmpty { reason += "; so \(wrong.count == 1 ? "has" : "have") \(wrong.listed())" }
        return (found.place(in: run.training!.path), reason + "; \(dump)", remedy)
    }

    /// Computes the step once more and checks every value on the way. The sums are not used. Collective over all ranks.
    private func searchFault(_ plan: StepPlan) throws -> FaultSearch.Fault? {
        let search = FaultSearch()
        runner.watch(search)
        defer { runner.watch(nil) }
        let batches = try runner.prepare(plan, of: .training, in: run.training!, packer: packer, mesh: mesh)
        let denominators = try denominators(of: batches)
        runner.twins = []
        policy.zeroGradients()
        var sums = StepSums(run.objectives)
        try runner.train(batches, dataRank: mesh.data.rank, sums: &sums, denominators: denominators)
        search.beginSums()
        reduction.begin()
        try reduction.finish()
        for (specification, gradient) in zip(policy.table.specifications, policy.parameters.gradients) {
            search.observe("reduced gradient of \(specification.name)", gradient)
        }
        _ = stopwatch.take()
        return search.fault
    }

    /// Names of the policy's parameters with values that are not finite on any rank. Collective over all ranks.
    ///
    /// - Parameter type: the type in which they will be stored.
    func wrongParameters(as type: ElementType = .float32) throws(CollectiveError) -> [String] {
        let own = policy.parameters.values.map { Elementwise.areFinite($0, as: type, workers: policy.workers) ? 0.0 : 1 }
        let wrong = try mesh.world.allReduceMaximum(own)
        return zip(policy.table.specifications, wrong).filter { $1 > 0 }.map(\.0.name)
    }

    /// Makes the rank of the finding write a dump. Returns a sentence with its folder, or with the reason why there is
    /// none. Collective over all ranks.
    private func writeDump(
        of found: FaultFinding, _ fault: FaultSearch.Fault?, parameters: [String], _ step: StepValues
    ) throws -> String {
        let folder = "\(run.configuration.run.directory)/dumps/step-\(step.plan.step)-rank-\(found.rank)"
        var own = ""
        if let fault, found.rank == mesh.world.rank {
            let dump = StepDump(
                step: step.plan.step, loss: Trainer.shown(step.loss), gradientNorm: Trainer.shown(step.gradientNorm),
                rank: mesh.world.rank, dataRank: mesh.data.rank, tensorRank: mesh.tensor.rank,
                microBatch: fault.place?.index, dataset: run.training!.path, records: fault.records,
                tokens: fault.tokens, positions: fault.positions, parameters: parameters, tensors: fault.summaries,
                firstRow: fault.firstRow)
            do throws(Failure) {
                try dump.write(rows: fault.rows, to: folder)
                own = "'tandem inspect \(folder)' shows more"
            } catch {
                own = "no details could be saved: \(error.place) \(error.reason)"
            }
        }
        return try mesh.world.allGather(Array(own.utf8)).map { String(decoding: $0, as: UTF8.self) }[found.rank]
    }

    private static func shown(_ value: Double) -> String {
        value.isNaN ? "not a number" : value.isInfinite ? "infinite" : String(format: "%g", value)
    }
}
