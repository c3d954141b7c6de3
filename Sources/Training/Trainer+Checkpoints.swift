import Checkpoints
import Collectives
import Datasets
import Diagnosis
import HDF5
import Model
import References
import Settings
import Stepping
import Tensors

extension Trainer {
    // MARK: Saving

    /// Begins to save the state after `planner.step` updates, after an earlier checkpoint is complete. Collective over all
    /// ranks.
    ///
    /// - Parameter isByClock: whether only `run.checkpoint_minutes` asked for it. In this case a disk without room does not
    ///   end the run.
    func save(_ planner: StepPlanner, isByClock: Bool = false) throws {
        try completeSave()
        savedAt = Stopwatch.now
        try toleratingDisk(isByClock) { try begin(planner, isByClock: isByClock) }
    }

    private func begin(_ planner: StepPlanner, isByClock: Bool) throws {
        // All ranks have the same cached reference values: the first rank's tables are written.
        let (manifest, tables) = try mesh.agreed { try self.manifest(of: planner) }
        let save = try checkpoints.begin(StateSnapshot(savedNumbers), tables: tables, step: planner.step, mesh: mesh)
        pendingSave = PendingSave(save: save, manifest: manifest, isByClock: isByClock)
        isAnyRankWriting = true
        // Steps wait if HDF5 can't be used by two threads, or if memory has no room for a copy of the state.
        let canGoOn = hdf5IsThreadSafe && run.hasRoomForSnapshots
        if try mesh.world.allReduceMaximum([canGoOn ? 0 : 1])[0] > 0 { try completeSave() }
    }

    /// Whether this rank's part of a checkpoint is still being written.
    var isWriting: Bool { pendingSave.map { !$0.save.hasEnded } ?? false }

    /// Waits until the checkpoint under way, if any, is complete and committed. Collective over all ranks.
    func completeSave() throws {
        guard let pending = pendingSave else { return }
        pendingSave = nil
        try toleratingDisk(pending.isByClock) { try complete(pending) }
    }

    private func complete(_ pending: PendingSave) throws {
        let start = Stopwatch.now
        try checkpoints.commit(pending.save, pending.manifest, mesh: mesh)
        let slowest = try mesh.world.allReduceMaximum([pending.save.seconds])[0]
        timeLimit?.addSave(seconds: slowest + Stopwatch.now - start)
        let settings = run.configuration.run
        try mesh.agreed { if mesh.isFirst { try checkpoints.prune(keeping: settings.keepLast, every: settings.keepEvery) } }
        knowSaved(step: pending.manifest.step)
        try emit(.saved(folder: checkpoints.path(step: pending.manifest.step), step: pending.manifest.step))
    }

    /// Tells the watchdog that the run can resume from the checkpoint of `step`.
    func knowSaved(step: Int) { Watchdog.know(remedy: "Start it again with --resume: it goes on from step \(step).") }

    /// Runs `work`. With `isByClock`, a disk error is reported and the run goes on.
    private func toleratingDisk(_ isByClock: Bool, _ work: () throws -> Void) throws {
        do { try work() } catch let failure as AgreedFailure where isByClock && failure.failure.exitCode == .inputOutput {
            let minutes = run.configuration.run.checkpointMinutes ?? 0
            try emit(
                .notice(
                    "no checkpoint was saved: \(failure.failure.place): \(failure.failure.reason). The next try is in "
                        + String(format: "%g", minutes) + " minutes (run.checkpoint_minutes)"))
        }
    }

    /// All state that a step changes except the sampler: this rank's shard of the values and of both moments. A rank that
    /// holds more saves only its shard, so that data ranks write at the same time.
    private var savedNumbers: [SavedNumbers] {
        let shard = partition.shard(of: mesh.data.rank)
        let held = optimizer.firstMoments.elementCount
        return [
            SavedNumbers("values", of: policy.parameters.valueBlock.flat, ranges: shard),
            SavedNumbers("first_moments", of: optimizer.firstMoments, ranges: isSharded ? [0..<held] : shard),
            SavedNumbers("second_moments", of: optimizer.secondMoments, ranges: isSharded ? [0..<held] : shard),
        ]
    }

    private var partition: FlatPartition { reduction.partition }

    private func manifest(of planner: StepPlanner) throws(Failure) -> (CheckpointManifest, [RecordTable]?) {
        if mesh.isFirst { metricsPosition = try directory.metricsPosition(since: metricsPosition) }
        var manifest = CheckpointManifest(
            step: planner.step, totalSteps: planner.totalSteps, epoch: planner.sampler.epoch,
            position: planner.sampler.position, seed: run.configuration.run.seed,
            layout: .init(run.layout, zero: isSharded ? 1 : 0), settings: run.configuration.decisiveYAML,
            metrics: .init(bytes: metricsPosition.bytes, rows: metricsPosition.rows), blocks: blocks, shards: shards,
            environment: environment(program: ""))
        manifest.trainerState = trainerState
        manifest.elapsedSeconds = clock.elapsed
        guard mesh.isFirst else { return (manifest, nil) }
        try recordInputs()
        let digests = try inputs!.value()
        manifest.inputs = digests.inputs
        manifest.model = run.policy.savedDescription
        manifest.environment.program = digests.program
        guard !runner.caches.isEmpty else { return (manifest, nil) }
        let cached = try cachedValues()
        manifest.referenceValues = cached.names
        return (manifest, cached.tables)
    }

    /// The offsets of each tensor rank's parameters in its block.
    private var blocks: [CheckpointManifest.Block] {
        (0..<mesh.tensor.size).map { rank in
            let offsets = FlatBlock.offsets(policy.table, sharding: policy.sharding, rank: rank)
            let parameters = zip(policy.table.specifications, offsets).map { specification, offset in
                let part = specification.part(policy.sharding, rank: rank)
                return CheckpointManifest.Parameter(
                    name: specification.name, shape: [specification.rowCount, specification.columnCount], rows: part.rows,
                    columns: part.columns, offset: offset)
            }
            let count = FlatBlock.floatCount(policy.table, sharding: policy.sharding, rank: rank)
            return CheckpointManifest.Block(tensor: rank, count: count, parameters: parameters)
        }
    }

    private var shards: [CheckpointManifest.Shard] {
        (0..<mesh.tensor.size).flatMap { tensor in
            let count = FlatBlock.floatCount(policy.table, sharding: policy.sharding, rank: tensor)
            let partition = FlatPartition(count: count, rankCount: mesh.data.size)
            return (0..<mesh.data.size).map {
                CheckpointManifest.Shard(tensor: tensor, data: $0, ranges: partition.shard(of: $0))
            }
        }
    }

    /// Nil if the state is the default one.
    private var trainerState: TrainerState? {
        var state = TrainerState()
        state.stepGuard = stepGuard.state
        state.pending = pending
        return state == TrainerState() ? nil : state
    }

    // MARK: Restoring

    /// Restores the state of a verified checkpoint. Collective over all ranks.
    func restore(_ manifest: CheckpointManifest, planner: inout StepPlanner) throws {
        try mesh.agreed { try read(manifest) }
        try restoreCaches(manifest)
        stepGuard.state = manifest.trainerState?.stepGuard ?? StepGuardState()
        pending = manifest.trainerState?.pending
        // Skipped steps are not updates.
        optimizer.step = manifest.step - stepGuard.state.skippedCount
        let isSameData = !hasChanged("data.train")
        let recordCount = planner.sampler.recordCount
        guard manifest.position <= recordCount || !isSameData else {
            throw AgreedFailure(
                .damaged(
                    checkpoints.path(step: manifest.step), "is at record \(manifest.position) of \(recordCount)",
                    remedy: "Go back to an earlier checkpoint with --resume=latest-valid."))
        }
        planner.restore(step: manifest.step, epoch: manifest.epoch, position: isSameData ? manifest.position : 0)
    }

    /// Reads this rank's part of every parameter and its moments. The checkpoint may come from any layout.
    private func read(_ manifest: CheckpointManifest) throws(Failure) {
        let reader = StateReader(checkpoints.checkpoint(step: manifest.step), manifest)
        let block = policy.parameters.valueBlock
        let ranges = policy.table.specifications.indices.map(block.range)
        let whole = ShardPiece.all(of: [0..<block.flat.elementCount], parameters: ranges)
        for (name, target, pieces) in [
            ("values", block.flat, whole), ("first_moments", optimizer.firstMoments, optimizer.pieces),
            ("second_moments", optimizer.secondMoments, optimizer.pieces),
        ] {
            for piece in pieces {
                let specification = policy.table.specifications[piece.parameter]
                let part = specification.part(policy.sharding, rank: mesh.tensor.rank)
                let box = StateReader.Box(
                    parameter: specification.name, shape: [specification.rowCount, specification.columnCount],
                    rows: part.rows, columns: part.columns)
                let start = ranges[piece.parameter].lowerBound
                try reader.read(
                    name, box, floats: (piece.range.lowerBound - start)..<(piece.range.upperBound - start),
                    tensor: mesh.tensor.rank, into: target.pointer + piece.offset)
            }
        }
    }

    // MARK: Cached reference values

    /// For each cache and dataset: an identity of the values, and the values.
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

    /// Drops values of a dataset or reference that has changed. Such changes are allowed for training data and references.
    private func restoreCaches(_ manifest: CheckpointManifest, _ tables: [RecordTable]) throws(Failure) {
        let place = checkpoints.path(step: manifest.step)
        for cache in runner.caches where !hasChanged("references.\(cache.reference)") {
            for dataset in run.datasets {
                let wanted = CheckpointManifest.ReferenceValues(
                    reference: cache.reference, dataset: dataset.name,
                    fingerprint: try fingerprint(dataset.role, dataset.file))
                guard let index = manifest.referenceValues?.firstIndex(of: wanted) else { continue }
                try cache.restore(tables[index], of: dataset.role, place: place)
            }
        }
    }

    private func fingerprint(_ role: DatasetRole, _ file: DatasetFile) throws(Failure) -> String {
        if let known = fingerprints[role] { return known }
        let fingerprint = try file.fingerprint()
        fingerprints[role] = fingerprint
        return fingerprint
    }
}
