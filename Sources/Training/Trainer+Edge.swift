import Checkpoints
import Collectives
import Diagnosis
import Runs
import Settings
import Stepping

/// Work between two steps: validation, export, checkpoint, and a requested stop.
extension Trainer {
    /// The work due after step `step`, without its checkpoint.
    func workDue(after step: Int, of totalSteps: Int) -> PendingWork {
        let (evaluation, export) = (run.configuration.evaluation.every, run.configuration.export.every)
        let isLast = step == totalSteps
        return PendingWork(
            evaluations: isLast || Trainer.isDue(step, every: evaluation) ? run.validation.map(\.name) : [],
            isExportDue: isLast || Trainer.isDue(step, every: export))
    }

    /// The work to catch up if `step`, already done, becomes the last step.
    func workLacking(at step: Int) -> PendingWork {
        let isEvaluated = Trainer.isDue(step, every: run.configuration.evaluation.every)
        return PendingWork(evaluations: isEvaluated ? [] : run.validation.map(\.name), isExportDue: true)
    }

    private static func isDue(_ step: Int, every: Int?) -> Bool { every.map { step % $0 == 0 } ?? false }

    /// Does `work` and saves the checkpoint if it is due. If the run was asked to stop, saves a checkpoint with the rest of
    /// `work`. Returns whether the run goes on. Collective over all ranks.
    func finishStep(_ planner: StepPlanner, _ work: PendingWork) throws -> Bool {
        let (step, isLast) = (planner.step, planner.step >= planner.totalSteps)
        let isSaveDueByStep = Trainer.isDue(step, every: run.configuration.run.checkpointEvery)
        RankActivity.begin(.stepEdge, step: step)
        var (stop, left) = try evaluate(step: step, work)
        if stop == nil, left.isExportDue { stop = try stopReason { $0.mayNotExport(at: $1) } }
        if stop == nil, left.isExportDue {
            try checkParameters(after: step, as: exportType)
            if isLast { try checkForward(after: step) }
            let folder = isLast ? directory.exportFolder : directory.exportFolder(step: step)
            RankActivity.begin(.exporting, step: step)
            try export(to: folder, orSave: planner, left)
            RankActivity.begin(.stepEdge, step: step)
            try emit(.exported(folder: folder, step: step))
        }
        // A run whose last step is exported can't be stopped any more.
        if stop == nil {
            left = PendingWork(evaluations: [], isExportDue: false)
            // A checkpoint due now is saved besides the one at the stop, so its time also counts.
            if !isLast {
                stop = try stopReason { limit, now in
                    limit.isReached(at: now + (isSaveDueByStep || hasClockPassed ? limit.saveSeconds : 0))
                }
            }
        }
        let isSaveDue = isSaveDueByStep || (!isLast && isSaveDueByClock)
        pending = left.isEmpty ? nil : left
        RankActivity.begin(.saving, step: step)
        if !isAnyRankWriting { try completeSave() }
        if stop != nil || isSaveDue {
            try checkParameters(after: step)
            try save(planner, isByClock: stop == nil && !isSaveDueByStep)
        }
        if stop != nil || isLast { try completeSave() }
        RankActivity.begin(.stepEdge, step: step)
        if let stop {
            try end(by: stop, step: step, isSaved: true)
            return false
        }
        if !isLast { try writeStatus(.running, step: step) }
        return true
    }

    /// Exports to `folder`. If the export fails, saves the state before the run ends, so that `--resume` continues with the
    /// export. Collective over all ranks.
    ///
    /// - Parameter left: the work still due after the step, including the export.
    private func export(to folder: String, orSave planner: StepPlanner, _ left: PendingWork) throws {
        do {
            try export(to: folder)
        } catch let failure as AgreedFailure where failure.failure.exitCode != .internal {
            pending = left
            var remedy = failure.failure.remedy
            do {
                try save(planner)
                try completeSave()
                remedy += " Step \(planner.step) is saved: --resume continues with the export."
            } catch let second as AgreedFailure {
                if mesh.isFirst { checkpoints.removeIfEmpty() }
                remedy += " The run's state could not be saved either: \(second.failure.reason)."
            }
            let first = failure.failure
            throw AgreedFailure(Failure(first.place, first.reason, remedy: remedy, exitCode: first.exitCode))
        }
    }

    /// Whether `run.checkpoint_minutes` have passed on this rank since the latest checkpoint.
    private var hasClockPassed: Bool {
        let settings = run.configuration.run
        guard settings.checkpointEvery == nil, let minutes = settings.checkpointMinutes else { return false }
        return Stopwatch.now - savedAt >= 60 * minutes
    }

    /// Evaluates the datasets of `work` until the run is asked to stop. Returns the reason to stop, and the rest of the
    /// work.
    private func evaluate(step: Int, _ work: PendingWork) throws -> (stop: StopReason?, left: PendingWork) {
        var left = work
        for name in work.evaluations {
            if let stop = try evaluate(step: step, only: name) { return (stop, left) }
            left.evaluations.removeFirst()
        }
        return (nil, left)
    }

    /// Evaluates before the first step. Returns whether the run goes on.
    func evaluateAtStart() throws -> Bool {
        for name in run.validation.map(\.name) {
            guard let stop = try evaluate(step: 0, only: name) else { continue }
            try end(by: stop, step: 0, isSaved: false)
            return false
        }
        return true
    }

    /// Ends the run before its first step if it was asked to stop while it loaded. Returns whether the run goes on.
    /// Collective over all ranks.
    func maybeBegin(after step: Int?) throws -> Bool {
        guard let stop = try stopReason({ $0.isReached(at: $1) }) else { return true }
        try end(by: stop, step: step ?? 0, isSaved: step != nil)
        return false
    }

    private func end(by reason: StopReason, step: Int, isSaved: Bool) throws {
        try writeStatus(.preempted, step: step, reason: reason.description, exitCode: .success)
        try emit(.interrupted(step: step, reason: reason, isSaved: isSaved))
    }

    /// The reason to stop now, the same on all ranks. A request on any rank stops all; the first rank's clock decides on
    /// the time limit. Collective over all ranks.
    func stopReason(
        _ isReached: (TimeLimit, _ now: Double) -> Bool
    ) throws(CollectiveError) -> StopReason? {
        var own = Interruption.request
        if own == nil, mesh.isFirst, let timeLimit {
            // A checkpoint under way must be complete before the next one starts.
            let waiting = pendingSave == nil ? 0 : timeLimit.saveSeconds
            if isReached(timeLimit, Stopwatch.now + waiting) { own = .timeLimit }
        }
        let all = try mesh.world.allReduceMaximum([own?.code ?? 0, isWriting ? 1 : 0, mesh.isFirst && hasClockPassed ? 1 : 0])
        isAnyRankWriting = all[1] > 0
        isSaveDueByClock = all[2] > 0
        return StopReason(code: all[0])
    }
}
