import Checkpoints
import Collectives
import Datasets
import Diagnosis
import Foundation
import Kernels
import Model
import Objectives
import References
import Runs
import Settings
import Stepping
import Tensors

/// Trains a policy, against references if the objective has them. Start reading here.
///
/// plan a step → assemble its micro-batches → for each: hooks (references), forward, objective, backward; the gradients are
/// reduced over the data ranks during the last backward → clip and update → report.
public final class Trainer {
    public let run: ResolvedRun
    public let mesh: Mesh
    public let policy: Transformer<Trainable>
    let directory: RunDirectory
    private let listeners: [any EventListener]
    let stopwatch: Stopwatch
    let runner: MicroBatchRunner<Trainable>
    let reduction: GradientReduction
    let optimizer: Optimizer
    var checkpoints: CheckpointStore
    let packer: MicroBatchPacker
    let threads: Int
    /// For the datasets with cached reference values; filled when a checkpoint asks for them.
    var fingerprints: [DatasetRole: String] = [:]
    /// Nil after the run's inputs were written to `provenance.json`.
    var provenance: Provenance?
    /// Settings and inputs that differ from the ones that the run began with.
    var changedKeys: Set<String> = []
    private var stepsDone = 0
    /// Judges each step before its update.
    var stepGuard: StepGuard
    /// The work after its step that the next checkpoint records as not yet done.
    var pending: PendingWork?
    /// Nil if the run has no time limit.
    var timeLimit: TimeLimit?
    var clock: RunClock
    private var stragglers: StragglerDetector
    /// The checkpoint that is being written.
    var pendingSave: PendingSave?
    /// Whether any rank was still writing its part when the ranks last asked each other.
    var isAnyRankWriting = false
    /// Digests of the run's inputs, on the first rank. A thread hashes them from the first use on.
    lazy var inputs = mesh.isFirst ? InputDigests(run.inputFiles) : nil
    var lock: RunLock?
    /// When the saving of the latest checkpoint began, or else the process, in seconds of `Stopwatch.now`.
    var savedAt: Double
    /// Whether a checkpoint is due by the first rank's clock, as of the last exchange between ranks.
    var isSaveDueByClock = false
    /// Parameters that were not finite before the first step.
    var spoiltAtStart: Set<String> = []
    /// Mean −log p of the latest step's tokens, before its update, and for each validation set of its latest evaluation.
    private(set) var lastLikelihood: Double?
    var likelihoods: [String: Double] = [:]
    /// The part of `metrics.jsonl` that was counted.
    var metricsPosition = MetricsPosition(bytes: 0, rows: 0)

    /// Loads this rank's shard of every model.
    ///
    /// - Parameters:
    ///   - listeners: receive every event; pass them on the first rank only.
    ///   - processStart: start of `run.time_limit`, in seconds of `Stopwatch.now`.
    public init(
        _ run: ResolvedRun, mesh: Mesh, workers: Workers, listeners: [any EventListener],
        processStart: Double = Stopwatch.now
    ) throws {
        self.run = run
        self.mesh = mesh
        self.listeners = listeners
        threads = workers.threadCount
        stepGuard = StepGuard(run.configuration.optimizer.stepGuard)
        clock = RunClock(start: processStart)
        savedAt = processStart
        timeLimit = run.configuration.run.timeLimit.map {
            // Values and two moments.
            TimeLimit(
                seconds: $0, start: processStart, checkpointByteCount: 12 * run.policy.configuration.parameterCount)
        }
        directory = RunDirectory(run.configuration.run.directory)
        checkpoints = CheckpointStore(runDirectory: run.configuration.run.directory)
        stopwatch = Stopwatch(mesh)
        stragglers = StragglerDetector(hosts: mesh.hosts)
        RankActivity.begin(.loading)
        let policy = try mesh.agreed { try Trainer.loadPolicy(run, mesh: mesh, workers: workers) }
        self.policy = policy
        let references = try run.loadReferences(mesh: mesh, workers: workers, vocabularyLike: policy.sharding)
        runner = MicroBatchRunner(
            policy: policy, objectives: run.objectives, references: references, caches: run.referenceCaches(),
            matchers: run.stateMatchers(workers: workers), sharedVocabulary: run.sharedVocabulary, stopwatch: stopwatch)
        let zero = run.configuration.parallel.zero
        reduction = try GradientReduction(
            policy.parameters.gradientBlock.flat, over: mesh.data, isGathered: zero == .nothing, workers: workers)
        optimizer = Optimizer(
            policy, settings: run.configuration.optimizer, partition: reduction.partition, zero: zero, mesh: mesh,
            workers: workers)
        packer = run.packer
        optimizer.beforeUpdate = { [unowned self] in pendingSave?.save.detach() }
    }

    private static func loadPolicy(
        _ run: ResolvedRun, mesh: Mesh, workers: Workers
    ) throws(Failure) -> Transformer<Trainable> {
        let configuration = run.policy.configuration
        let parameters = try TrainableParameters(
            run.policyTable, sharding: ModelSharding(configuration, size: mesh.tensor.size), rank: mesh.tensor.rank,
            source: run.policySource)
        let policy = Transformer<Trainable>(
            configuration, parameters: parameters, tensor: mesh.tensor, workers: workers, table: run.policyTable,
            recompute: run.configuration.schedule.recompute)
        policy.reserve(tokenCount: run.largestMicroBatch)
        return policy
    }

    /// Trains to the end of the schedule, or to the end of the step after an interruption. Collective over all ranks.
    public func train(_ start: RunStart) throws {
        let checkpoint = try begin(start)
        do {
            try trainSteps(after: checkpoint)
        } catch {
            // After an `AgreedFailure` all ranks come here, so a checkpoint under way can be completed.
            if error is AgreedFailure { try? completeSave() }
            if mesh.isFirst, !(error is AgreedFailure), pendingSave != nil {
                // After a full disk, the files of an incomplete checkpoint take the room that the status needs.
                try? checkpoints.removeLeftovers()
            }
            // The status names the failure that stopped the run. A second failure while writing it must not hide the first.
            if mesh.isFirst || !(error is AgreedFailure) {
                try? directory.write(.failed, step: stepsDone, reason: "\(error)", exitCode: ExitCode(ofError: error))
            }
            throw error
        }
    }

    /// Prepares the run's folder. Returns the checkpoint to resume from; nil for a new run.
    private func begin(_ start: RunStart) throws -> CheckpointManifest? {
        let provenance = try Provenance(mesh: mesh, threads: threads)
        self.provenance = provenance
        try takeDirectory()
        _ = inputs
        var resumed: CheckpointManifest?
        var overwrite = false
        switch start {
        case .fresh(let replacing): overwrite = replacing
        case .resume(let wanted):
            resumed = try checkpointToResume(wanted)
            if resumed == nil { try emit(.notice("nothing to resume in \(directory.path): starting from the beginning")) }
            overwrite = resumed == nil
        }
        try mesh.agreed {
            guard mesh.isFirst else { return }
            if resumed != nil { try directory.separateMetrics() }
            if resumed == nil {
                if case .resume = start { try directory.checkNotFinished() }
                try directory.prepare(overwrite: overwrite)
            }
            try directory.write(run.configuration)
            try directory.write(provenance)
            try directory.write(.running, step: resumed?.step ?? 0)
        }
        if let resumed {
            knowSaved(step: resumed.step)
        } else {
            Watchdog.know(remedy: "Start it again with --overwrite: no checkpoint was saved yet.")
        }
        // Any rank may be the one that reports the end: the folder is the same for all.
        Watchdog.listen { [directory] report in
            try? directory.writeLast(
                .failed, step: report.stepsDone, reason: report.failure.description, exitCode: report.failure.exitCode)
        }
        return resumed
    }

    private func trainSteps(after resumed: CheckpointManifest?) throws {
        let started = Stopwatch.now
        let dataset = run.training!
        var planner = StepPlanner(
            dataset, configuration: run.configuration, dataRankCount: mesh.data.size, lengthLimit: run.lengthLimit)
        let schedule = LearningRateSchedule(run.configuration.optimizer, totalSteps: planner.totalSteps)
        try emit(.started(summary(totalSteps: planner.totalSteps, recordCount: dataset.recordCount)))
        for notice in run.notices { try emit(.notice(notice)) }
        if let resumed {
            stepsDone = resumed.step
            try restore(resumed, planner: &planner)
            if pending == nil, planner.step >= planner.totalSteps, resumed.totalSteps != planner.totalSteps {
                // The schedule was shortened to the steps already done, so this step is now the last. The work that only a
                // last step has is still to do.
                pending = workLacking(at: planner.step)
            }
            clock.earlierSeconds = resumed.elapsedSeconds ?? 0
            try takeUpMetrics(resumed)
            try emit(.resumed(step: resumed.step, metrics: metricsPosition))
        }
        try noteSpoiltParameters()
        guard try maybeBegin(after: resumed?.step) else { return }
        if resumed == nil && run.configuration.evaluation.atStart {
            guard try evaluateAtStart() else { return }
        }
        if let left = pending {
            guard try finishStep(planner, left) else { return }
        }
        try reduction.measureAlone()
        while let plan = planner.next() {
            let start = Stopwatch.now
            if !plan.oversized.isEmpty { try noticeOversized(plan) }
            let report = try step(plan, dataset: dataset, totalSteps: planner.totalSteps, schedule: schedule)
            timeLimit?.addStep(seconds: Stopwatch.now - start)
            stepsDone = plan.step
            try emit(.step(report))
            guard try finishStep(planner, workDue(after: plan.step, of: planner.totalSteps)) else { return }
        }
        let memory = try mesh.world.allReduce([Double(peakMemoryByteCount())])[0]
        try mesh.agreed { if mesh.isFirst { try recordInputs() } }
        try tellChance(step: stepsDone)
        try writeStatus(.finished, step: stepsDone, exitCode: .success)
        try emit(
            .finished(
                RunResult(
                    steps: stepsDone, seconds: Stopwatch.now - started, peakMemoryByteCount: Int(memory),
                    exportFolder: directory.exportFolder)))
    }

    // MARK: One step

    private func step(
        _ plan: StepPlan, dataset: DatasetFile, totalSteps: Int, schedule: LearningRateSchedule
    ) throws -> StepReport {
        RankActivity.begin(.training, step: plan.step)
        let start = Stopwatch.now
        let sums = try accumulate(plan, dataset: dataset)
        let gradientNorm = try reduceGradients()
        let loss = sums.loss
        let isUpdated = try mayUpdate(StepValues(plan: plan, loss: loss, gradientNorm: gradientNorm))
        let rate = schedule.rate(step: plan.step)
        if isUpdated { try update(rate: rate, gradientNorm: gradientNorm) }
        lastLikelihood = sums.negativeLogLikelihood
        let seconds = Stopwatch.now - start
        var figures = [
            Figure("loss", loss), Figure("grad_norm", gradientNorm), Figure("learning_rate", rate),
            Figure("epoch", plan.epoch), Figure("tokens", sums.tokens), Figure("sequence_tokens", sums.sequenceTokens),
            Figure("tokens_per_second", sums.tokens / seconds),
            Figure("sequence_tokens_per_second", sums.sequenceTokens / seconds),
        ]
        figures += sums.figures
        if stepGuard.settings.canSkip { figures.append(Figure("skipped", Double(stepGuard.state.skippedCount))) }
        figures.append(Figure("seconds", seconds))
        figures += try timeSplit(step: plan.step, seconds: seconds, tokens: sums.ownTokens)
        return StepReport(step: plan.step, totalSteps: totalSteps, figures: figures, moment: clock.moment)
    }

    private func update(rate: Double, gradientNorm: Double) throws(CollectiveError) {
        try stopwatch.measure(.optimizer) { () throws(CollectiveError) in
            optimizer.update(learningRate: rate, gradientNorm: gradientNorm)
            if isSharded { try reduction.share(policy.parameters.valueBlock.flat) }
        }
    }

    /// Runs forward and backward for all this rank's micro-batches. Returns the sums over all data ranks.
    func accumulate(_ plan: StepPlan, dataset: DatasetFile) throws -> StepSums {
        let batches = try stopwatch.measure(.data) {
            try runner.prepare(plan, of: .training, in: dataset, packer: packer, mesh: mesh)
        }
        let denominators = try denominators(of: batches)
        runner.twins = plan.step == 1 ? twins : []
        stopwatch.measure(.backward) { policy.zeroGradients() }
        var sums = StepSums(run.objectives)
        try runner.train(batches, dataRank: mesh.data.rank, sums: &sums, denominators: denominators, reduction: reduction)
        try runner.shareReferenceValues(of: plan, in: .training, over: mesh.data)
        return try stopwatch.measure(.data) { () throws(CollectiveError) in try sums.summed(over: mesh.data) }
    }

    /// Divisors of the objectives' loss sums: the counts of the full step. Collective over the data ranks.
    func denominators(of batches: StepBatches) throws(CollectiveError) -> [Double] {
        try mesh.data.allReduce(
            run.objectives.map { entry in batches.own.reduce(0) { $0 + Double(entry.objective.count($1.records)) } })
    }

    /// Waits for the reduced gradients. Returns their norm.
    func reduceGradients() throws(CollectiveError) -> Double {
        try stopwatch.measure(.optimizer) { () throws(CollectiveError) in
            try reduction.finish()
            return try optimizer.gradientNorm()
        }
    }

    /// References with the same weights as the policy at the start, in the same type and layout.
    private var twins: [String] {
        run.references.filter {
            run.placements[$0.settings.name] == nil && $0.settings.storage != .bfloat16
                && run.policy.hasSameWeights(as: $0.origin)
        }.map(\.settings.name)
    }

    /// Mean seconds over all ranks, the work of the slowest rank, and the fraction of the gradient reduction that was
    /// hidden behind computation.
    ///
    /// - Parameters:
    ///   - seconds: of this rank's step.
    ///   - tokens: of this rank's micro-batches.
    private func timeSplit(step: Int, seconds: Double, tokens: Double) throws -> [Figure] {
        let spans = stopwatch.take()
        // References in layouts of their own are dealt unevenly on purpose, so their time does not count as work.
        let work = RankWork(
            seconds: seconds, tokens: tokens, spans: spans, reductionSeconds: reduction.takeSeconds(),
            countsReferences: runner.bridges.isEmpty)
        let sums = try mesh.world.allReduce([reduction.secondsAlone ?? 0] + spans + work.spread(over: mesh.world))
        let means = sums.prefix(1 + spans.count).map { $0 / Double(mesh.world.size) }
        var split = zip(Stopwatch.Section.allCases, means.dropFirst()).map { Figure("seconds/\($0.rawValue)", $1) }
        guard mesh.world.size > 1 else { return split }
        let all = RankWork.gathered(sums.dropFirst(1 + spans.count))
        split.append(Figure("seconds/slowest_rank", all.map(\.seconds).max()!))
        if let notice = stragglers.notice(all, step: step) { try emit(.notice(notice)) }
        guard means[0] > 0 else { return split }
        // Ranks that wait for a slower rank do not wait for the network. Only the last rank's waiting is communication.
        return split + [Figure("communication_hidden", 1 - all.map(\.reductionSeconds).min()! / means[0])]
    }

    /// Whether each data rank updates one shard of the parameters and holds moments of this shard only.
    var isSharded: Bool { run.configuration.parallel.zero != .nothing }

    // MARK: Around the steps

    var exportType: ElementType { run.configuration.export.dtype == .bfloat16 ? .bfloat16 : .float32 }

    func export(to folder: String) throws {
        let exporter = Exporter(
            mesh: mesh, policy: policy, origin: run.policy,
            elementType: exportType,
            protected: run.references.compactMap(\.origin.folder))
        let nonFinite = try exporter.run(to: folder)
        guard !nonFinite.isEmpty else { return }
        try emit(
            .notice(
                "\(folder) has values that are not finite, in \(nonFinite.listed()), like the model that the run began with"))
    }

    private func noticeOversized(_ plan: StepPlan) throws {
        let records = plan.oversized.map(String.init).joined(separator: ", ")
        let words =
            plan.oversized.count == 1
            ? "record \(records) is longer than schedule.tokens_per_micro_batch and makes a micro-batch of its own"
            : "records \(records) are longer than schedule.tokens_per_micro_batch, and each makes a micro-batch of its own"
        try emit(.notice("step \(plan.step): \(words)"))
    }

    private func summary(totalSteps: Int, recordCount: Int) -> RunSummary {
        RunSummary(
            policy: run.policy.name, parameterCount: run.policy.configuration.parameterCount,
            references: run.references.map { "\($0.settings.name) (\($0.origin.name))" }, layout: run.layout,
            threads: threads, totalSteps: totalSteps, recordCount: recordCount, directory: directory.path)
    }

    func writeStatus(_ state: RunStatus.State, step: Int, reason: String? = nil, exitCode: ExitCode? = nil) throws {
        if mesh.isFirst { try directory.write(state, step: step, reason: reason, exitCode: exitCode) }
    }

    func emit(_ event: TrainingEvent) throws(Failure) {
        for listener in listeners { try listener.receive(event) }
    }
}
