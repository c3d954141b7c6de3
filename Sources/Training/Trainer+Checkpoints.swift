import Checkpoints
import Collectives
import Datasets
import Model
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
    /// What a checkpoint holds of this rank: everything that a step changes but the sampler. A shard of the moments has a
    /// file of its own, written by the rank that has it: nobody ever holds them whole.
    private var parts: [CheckpointPart] {
        let values = [(name: "values", values: policy.parameters.valueBlock.flat)]
        let moments = [
            (name: "first_moments", values: optimizer.firstMoments), (name: "second_moments", values: optimizer.secondMoments),
        ]
        let (tensor, data) = (mesh.tensor.rank, mesh.data.rank)
        guard isSharded else { return [CheckpointPart(tensorRank: tensor, blocks: values + moments)] }
        return [
            CheckpointPart(tensorRank: tensor, blocks: values),
            CheckpointPart(tensorRank: tensor, dataRank: data, blocks: moments),
        ]
    }

    /// Which floats of the flat blocks the shards hold; nil where there are none.
    private var shards: [CheckpointManifest.Shard]? {
        guard isSharded else { return nil }
        return (0..<mesh.tensor.size).flatMap { tensor in
            let count = FlatBlock.floatCount(policy.table, sharding: policy.sharding, rank: tensor)
            let partition = FlatPartition(count: count, rankCount: mesh.data.size)
            return (0..<mesh.data.size).map {
                CheckpointManifest.Shard(tensor: tensor, data: $0, ranges: partition.shard(of: $0))
            }
        }
    }

    /// Saves the state after `planner.step` updates. Collective over all ranks.
    func save(_ planner: StepPlanner) throws {
        var manifest = CheckpointManifest(
            step: planner.step, layout: run.layout, epoch: planner.sampler.epoch, position: planner.sampler.position,
            settings: run.configuration.decisiveYAML)
        manifest.shards = shards
        manifest.trainerState = trainerState
        var tables: [RecordTable] = []
        if !runner.caches.isEmpty {
            // All ranks hold the same.
            try mesh.agreed {
                guard mesh.isFirst else { return }
                let cached = try cachedValues()
                manifest.referenceValues = cached.names
                tables = cached.tables
            }
        }
        try checkpoints.save(parts, tables: tables, manifest: manifest, mesh: mesh)
        try mesh.agreed { if mesh.isFirst { try checkpoints.prune(keeping: run.configuration.run.keepLast) } }
        try emit(.saved(folder: checkpoints.path(step: planner.step), step: planner.step))
    }

    /// Nil where there is nothing to say.
    private var trainerState: TrainerState? {
        var state = TrainerState()
        state.stepGuard = stepGuard.state
        state.pending = pending
        return state == TrainerState() ? nil : state
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
        try checkpoints.load(step: step, into: parts, mesh: mesh)
        try restoreCaches(manifest)
        stepGuard.state = manifest.trainerState?.stepGuard ?? StepGuardState()
        pending = manifest.trainerState?.pending
        // Steps that were skipped are no updates.
        optimizer.step = manifest.step - stepGuard.state.skippedCount
        planner.restore(step: manifest.step, epoch: manifest.epoch, position: manifest.position)
    }

    // MARK: What references said

    /// Of each cache and each dataset, whose values they are, and the values.
    private func cachedValues() throws(Failure) -> (
        names: [CheckpointManifest.ReferenceValues], tables: [RecordTable]
    ) {
        var names: [CheckpointManifest.ReferenceValues] = []
        var tables: [RecordTable] = []
        for cache in runner.caches {
            for dataset in run.datasets {
                let fingerprint = try fingerprint(dataset.role, dataset.file)
                names.append(.init(reference: cache.reference, dataset: dataset.name, fingerprint: fingerprint))
                tables.append(cache[dataset.role])
            }
        }
        return (names, tables)
    }

    private func restoreCaches(_ manifest: CheckpointManifest) throws {
        guard !runner.caches.isEmpty else { return }
        let tables = try checkpoints.loadTables(manifest, mesh: mesh)
        try mesh.agreed { try restoreCaches(manifest, tables) }
    }

    /// A validation dataset may be another one than before: then what was said of the old one is dropped.
    private func restoreCaches(_ manifest: CheckpointManifest, _ tables: [RecordTable]) throws(Failure) {
        let place = checkpoints.path(step: manifest.step)
        for cache in runner.caches {
            for dataset in run.datasets {
                let wanted = CheckpointManifest.ReferenceValues(
                    reference: cache.reference, dataset: dataset.name,
                    fingerprint: try fingerprint(dataset.role, dataset.file))
                if let index = manifest.referenceValues?.firstIndex(of: wanted) {
                    try cache.restore(tables[index], of: dataset.role, place: place)
                } else if dataset.role == .training {
                    throw .configuration(
                        place, "holds what reference \(cache.reference) said of other records than \(dataset.file.path) has now",
                        remedy: "Put the dataset back, or start a new run in another directory.")
                }
            }
        }
    }

    private func fingerprint(_ role: DatasetRole, _ file: DatasetFile) throws(Failure) -> String {
        if let known = fingerprints[role] { return known }
        let fingerprint = try file.fingerprint()
        fingerprints[role] = fingerprint
        return fingerprint
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
        guard manifest.shards == shards else {
            throw .configuration(
                place, "has the optimizer's state cut in other shards than this version of Tandem cuts it",
                remedy: "Resume with the version of Tandem that wrote it.")
        }
    }
}
