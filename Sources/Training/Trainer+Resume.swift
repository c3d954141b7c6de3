import Checkpoints
import Collectives
import Foundation
import Kernels
import Runs
import Settings

extension Trainer {
    /// Locks the run's folder for this job, and checks that all ranks see the same folder. Collective over all ranks.
    func takeDirectory() throws {
        let isNew = mesh.isFirst && !directory.exists
        let lock: RunLock? = try mesh.agreed { () throws(Failure) in
            guard mesh.isFirst else { return nil }
            return try directory.lock { text throws(Failure) in try emit(.notice(text)) }
        }
        self.lock = lock
        do { try SharedFolder.check(directory.path, key: "run.directory", mesh: mesh) } catch {
            if isNew { directory.removeIfUnused() }
            throw error
        }
        try mesh.agreed { if mesh.isFirst { try checkpoints.removeLeftovers() } }
    }

    /// The checkpoint to resume from, verified to the last byte and fit for this run; nil if there is none. It becomes the
    /// run's latest checkpoint. Collective over all ranks.
    func checkpointToResume(_ choice: ResumeChoice) throws -> CheckpointManifest? {
        // The steps that the first rank sees.
        let own = mesh.isFirst ? checkpoints.steps : []
        let steps = try mesh.world.allGather(own)[0]
        let manifest: CheckpointManifest
        switch choice {
        case .step(let wanted):
            guard steps.contains(wanted) else {
                let there = steps.isEmpty ? "none" : steps.map(String.init).joined(separator: ", ")
                throw AgreedFailure(
                    .missing(
                        checkpoints.path(step: wanted), "is not a checkpoint", remedy: "Resume from one of the saved steps: \(there)."))
            }
            switch try verified(step: wanted) {
            case .success(let whole): manifest = whole
            case .failure(let damage): throw try AgreedFailure(advised(damage.failure, earlier: steps.filter { $0 < wanted }))
            }
        case .latest:
            guard let latest = steps.last else { return nil }
            switch try verified(step: latest) {
            case .success(let whole): manifest = whole
            case .failure(let damage): throw try AgreedFailure(advised(damage.failure, earlier: steps.dropLast()))
            }
        case .latestValid:
            guard !steps.isEmpty else { return nil }
            manifest = try newestValid(of: steps)
        }
        try check(manifest)
        try leaveLaterCheckpoints(than: manifest.step)
        return manifest
    }

    /// The checkpoint, or its damage. Other failures are thrown. Collective.
    private func verified(step: Int) throws -> Result<CheckpointManifest, AgreedFailure> {
        do {
            let manifest = try checkpoints.checkpoint(step: step).verified(mesh)
            guard manifest.step == step else {
                throw AgreedFailure(
                    .damaged(
                        checkpoints.path(step: step), "holds step \(manifest.step)",
                        remedy: "Give the folder its old name back."))
            }
            return .success(manifest)
        } catch let failure as AgreedFailure where [.damagedData, .missingInput].contains(failure.failure.exitCode) {
            return .failure(failure)
        }
    }

    /// The same failure, with the newest earlier whole checkpoint as remedy. Collective.
    private func advised(_ failure: Failure, earlier steps: some BidirectionalCollection<Int>) throws -> Failure {
        for step in steps.reversed() {
            guard case .success = try verified(step: step) else { continue }
            return Failure(
                failure.place, failure.reason, remedy: "Step \(step) is whole: go back to it with --resume=latest-valid.",
                exitCode: failure.exitCode)
        }
        return Failure(
            failure.place, failure.reason, remedy: "No earlier checkpoint is whole: begin again with --overwrite.",
            exitCode: failure.exitCode)
    }

    private func newestValid(of steps: [Int]) throws -> CheckpointManifest {
        var last: Failure?
        for step in steps.reversed() {
            switch try verified(step: step) {
            case .success(let manifest): return manifest
            case .failure(let damage):
                try emit(.notice("step \(step) is passed over: \(damage.failure.place): \(damage.failure.reason)"))
                last = damage.failure
            }
        }
        throw AgreedFailure(
            Failure(
                last!.place, last!.reason, remedy: "No checkpoint is whole: begin again with --overwrite.",
                exitCode: last!.exitCode))
    }

    /// If the run resumes from an earlier step, later checkpoints no longer belong to it: they are set aside, so that the
    /// next `--resume` does not take them for the latest. Collective over all ranks.
    private func leaveLaterCheckpoints(than step: Int) throws {
        try mesh.agreed {
            guard mesh.isFirst else { return }
            guard let left = try checkpoints.setAside(after: step, copying: [directory.metricsFile]) else { return }
            let steps = left.steps.map(String.init).joined(separator: ", ")
            try emit(.notice("the run goes on from step \(step): its later checkpoints (\(steps)) are set aside in \(left.folder)"))
        }
    }

    /// Brings `metrics.jsonl` back to the checkpoint's step, and reports missing rows. Collective over all ranks.
    func takeUpMetrics(_ manifest: CheckpointManifest) throws {
        try mesh.agreed {
            guard mesh.isFirst else { return }
            let found = try directory.takeUpMetrics(manifest)
            metricsPosition = found.position
            if let notice = found.notice { try emit(.notice(notice)) }
        }
    }

    // MARK: Allowed changes

    /// Compares the saved run with this one. Settings and files that decide the results must be the same, or allowed to
    /// differ. Collective over all ranks.
    private func check(_ manifest: CheckpointManifest) throws {
        let own: [UInt8] = try mesh.agreed { () throws(Failure) in
            guard mesh.isFirst else { return [] }
            let changes = try allowedChanges(since: manifest)
            return Array(changes.joined(separator: "\n").utf8)
        }
        // Only the first rank has the digests of the files.
        let text = try mesh.world.allGather(own)[0]
        changedKeys = Set(String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init))
        if !changedKeys.isEmpty {
            let keys = changedKeys.sorted().joined(separator: ", ")
            try emit(.notice("run.allow_changes permits these changes since the run began: \(keys)"))
        }
        guard mesh.isFirst else { return }
        let now = try environment(program: inputs!.value().program)
        if let notice = EnvironmentChange.notice(
            from: manifest.environment, manifest.layout, to: now, .init(run.layout, zero: isSharded ? 1 : 0))
        {
            try emit(.notice(notice))
        }
    }

    /// Key paths of all allowed differences. On the first rank.
    ///
    /// - Throws: `Failure`: configuration for a setting that may not differ, damaged data for a file.
    private func allowedChanges(since manifest: CheckpointManifest) throws(Failure) -> [String] {
        let place = checkpoints.path(step: manifest.step)
        let allowed = run.configuration.run.allowChanges
        let inputs = try inputs!.value().inputs
        let before = Dictionary(manifest.inputs.map { ($0.key, $0) }) { first, _ in first }
        let known = Set(inputs.map(\.key)).intersection(before.keys)
        var changes: [String] = []
        // Parsing the old settings again adds the keys of later versions, with their defaults.
        let settings = (try? RunConfiguration(yaml: manifest.settings, file: place))?.decisiveYAML ?? manifest.settings
        for difference in try SettingsDifference.all(from: settings, to: run.configuration.decisiveYAML)
        // Files are compared by content, not by path.
        where !known.contains(difference.keyPath) {
            guard difference.isAllowed(by: allowed) else {
                throw .configuration(
                    place,
                    "the run began with \(difference.keyPath) = \(difference.before ?? "nothing"), but the configuration now says "
                        + "\(difference.after ?? "nothing")",
                    remedy: "Put it back, allow it with run.allow_changes: [\(difference.keyPath)], or start a new run in another directory.")
            }
            changes.append(difference.keyPath)
        }
        for input in inputs {
            guard let old = before[input.key] else { continue }
            let differing = input.files.indices.first {
                !old.files.indices.contains($0) || old.files[$0].sha256 != input.files[$0].sha256
            }
            guard differing != nil || old.files.count != input.files.count else { continue }
            guard SettingsDifference.isAllowed(input.key, by: allowed) else {
                throw .damaged(
                    "\(run.configuration.file): \(input.key)",
                    "\(input.files[differing ?? 0].name) has changed since the run began",
                    remedy: "Put it back, allow it with run.allow_changes: [\(input.key)], or start a new run in another directory.")
            }
            changes.append(input.key)
        }
        return changes
    }

    func hasChanged(_ keyPath: String) -> Bool { changedKeys.contains { $0 == keyPath || $0.hasPrefix(keyPath + ".") } }

    // MARK: Inputs and environment

    /// Adds the run's input files to `provenance.json`, once they are hashed. On the first rank.
    func recordInputs() throws(Failure) {
        guard let provenance else { return }
        let digests = try inputs!.value()
        try directory.write(provenance.with(digests.inputs, program: digests.program))
        self.provenance = nil
    }

    func environment(program: String) -> CheckpointManifest.Environment {
        CheckpointManifest.Environment(
            ranks: mesh.world.size, threadsPerRank: threads, blasCore: matrixProductCore,
            mpi: mesh.world.size > 1 ? MPIEnvironment.libraryVersion : "none",
            collectives: EnvironmentChange.collectiveSettings(), tandem: tandemVersion, program: program)
    }
}
