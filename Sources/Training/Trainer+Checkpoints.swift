import Checkpoints
import Collectives
import Settings
import Tensors

/// How a run begins.
public enum RunStart: Equatable, Sendable {
    /// An earlier run in the folder is refused, or replaced with `overwrite`.
    case fresh(overwrite: Bool)
    /// From the checkpoint of a step, the latest for nil; from the beginning where there is none.
    case resume(step: Int?)
}

extension Trainer {
    /// What a checkpoint holds of this rank: everything that a step changes but the sampler.
    private var blocks: [(name: String, values: Matrix)] {
        [
            ("values", policy.parameters.valueBlock.flat), ("first_moments", optimizer.firstMoments.flat),
            ("second_moments", optimizer.secondMoments.flat),
        ]
    }

    /// Saves the state after `planner.step` updates. Collective over all ranks.
    func save(_ planner: StepPlanner) throws {
        let manifest = CheckpointManifest(
            step: planner.step, layout: run.layout, epoch: planner.sampler.epoch, position: planner.sampler.position,
            settings: run.configuration.decisiveYAML)
        try checkpoints.save(blocks, manifest: manifest, mesh: mesh)
        try mesh.agreed { if mesh.isFirst { try checkpoints.prune(keeping: run.configuration.run.keepLast) } }
        try emit(.saved(folder: checkpoints.path(step: planner.step), step: planner.step))
    }

    /// The step to resume from; nil where there is no checkpoint. Every rank sees the same.
    func stepToResume(_ wanted: Int?) throws -> Int? {
        try mesh.agreed { () throws(Failure) in
            let steps = checkpoints.steps
            guard let wanted else { return steps.last }
            guard steps.contains(wanted) else {
                let there = steps.isEmpty ? "none" : steps.map(String.init).joined(separator: ", ")
                throw .missing(
                    checkpoints.path(step: wanted), "is no checkpoint", remedy: "Resume from one that is there: \(there).")
            }
            return wanted
        }
    }

    /// Puts back the state of step `step`. Collective over all ranks.
    func restore(step: Int, planner: inout StepPlanner) throws {
        let manifest = try mesh.agreed { () throws(Failure) in
            let manifest = try CheckpointManifest(folder: checkpoints.path(step: step))
            try check(manifest)
            return manifest
        }
        try checkpoints.load(step: step, into: blocks, mesh: mesh)
        optimizer.step = manifest.step
        planner.restore(step: manifest.step, epoch: manifest.epoch, position: manifest.position)
    }

    /// A run goes on as it was begun: the same layout and the same deciding settings.
    private func check(_ manifest: CheckpointManifest) throws(Failure) {
        let place = checkpoints.path(step: manifest.step)
        let layout = ParallelLayout(data: manifest.data, tensor: manifest.tensor)
        guard layout == run.layout else {
            throw .configuration(
                place, "was saved by \(layout), this job is \(run.layout)",
                remedy: "Resume with mpirun -n \(layout.rankCount) and parallel.tensor = \(layout.tensor).")
        }
        let before = manifest.settings.split(separator: "\n")
        let now = run.configuration.decisiveYAML.split(separator: "\n")
        guard before == now else {
            let (old, new) = zip(before, now).first { $0 != $1 } ?? (before.last ?? "", now.last ?? "")
            let words = [old, new].map { $0.trimmingPrefix { $0 == " " } }
            throw .configuration(
                place, "the run was begun with '\(words[0])', the configuration now says '\(words[1])'",
                remedy: "Put the setting back, or start a new run in another directory.")
        }
    }
}
