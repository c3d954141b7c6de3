import Foundation
import Planning
import Runs
import Settings

/// One run of the benchmarks. Starts a process for each measurement and collects the results.
public final class BenchmarkRun {
    private let request: BenchmarkRequest
    private let launcher: Launcher
    private let folder: String
    private let progress: (String) -> Void
    private var report: BenchmarkReport
    private lazy var data = BenchmarkData(folder: folder, vocabulary: request.model.configuration.vocabularySize)
    private var checkpoint: String { folder + "/model" }

    /// - Parameters:
    ///   - folder: an empty folder for datasets, models and runs, which the caller removes.
    ///   - progress: called with the name of the next measurement.
    public init(_ request: BenchmarkRequest, folder: String, progress: @escaping (String) -> Void) throws(Failure) {
        try request.check()
        self.request = request
        self.folder = folder
        self.progress = progress
        let threads = request.threads ?? max(1, availableCores().count / request.ranks)
        launcher = Launcher(ranks: request.ranks, threads: threads, folder: folder)
        let words = launcher.words
        report = BenchmarkReport(
            machine: .probe(), versions: .probe(),
            binding: Binding(
                ranks: request.ranks, tensor: request.tensor, threads: threads,
                launcher: words.isEmpty ? "none: one process" : words.joined(separator: " ")),
            commit: checkoutCommit(folder: folder), model: request.model.rawValue,
            pairs: request.pairs ?? "random, with the lengths of bench64", started: Date().iso8601)
    }

    public func run() throws -> BenchmarkReport {
        let parts = request.only.isEmpty ? BenchmarkPart.usual : BenchmarkPart.allCases.filter(request.only.contains)
        if request.tokensPerMicroBatch != 4096 || request.recompute != .nothing {
            report.notices.append(
                "steps ran with tokens_per_micro_batch \(request.tokensPerMicroBatch), recompute \(request.recompute.rawValue)")
        }
        try measureMachine(parts)
        let steps = parts.filter(\.isStep)
        if !steps.isEmpty {
            progress("random weights of \(request.model.rawValue)")
            try request.model.configuration.exportRandom(to: checkpoint)
        }
        for part in steps {
            if let python = request.peers, let peer = Peer(part) {
                try measure(part, against: peer, python: python)
            } else if let step = try measure(part) {
                report.steps.append(step)
            }
        }
        report.machine.loadAfter = Machine.currentLoad()
        return report
    }

    private func measureMachine(_ parts: [BenchmarkPart]) throws {
        var tasks: [Measurement.Task] = []
        if parts.contains(.ceiling) { tasks.append(.ceiling) }
        if parts.contains(.kernels) { tasks.append(.kernels) }
        guard !tasks.isEmpty else { return }
        progress(parts.filter { !$0.isStep }.map(\.rawValue).joined(separator: ", "))
        guard let result = try result(tasks, tensor: request.tensor) else { return }
        report.ceiling = result.ceiling
        report.kernels = result.kernels
    }

    private var timedSteps: Int { request.steps ?? (request.quick ? 1 : 3) }

    /// Measures a step. Nil, with a notice, if the trainer refuses the step.
    private func measure(_ part: BenchmarkPart) throws -> StepResult? {
        progress(part.rawValue)
        var tensor = request.tensor
        if let texts = part.textShape, texts.count < request.ranks / tensor {
            guard request.ranks <= request.model.configuration.keyValueHeadCount else {
                report.notices.append("\(part.rawValue) is left out: \(texts.count) text has no work for \(request.ranks / tensor) data ranks")
                return nil
            }
            tensor = request.ranks
            report.notices.append("\(part.rawValue) ran with tensor \(tensor): its text can't be divided over data ranks")
        }
        let (dataset, warmUp) = try dataset(for: part)
        let configuration = StepConfiguration(
            part: part, model: request.model, checkpoint: checkpoint, dataset: dataset, data: request.ranks / tensor,
            tensor: tensor, threads: launcher.threads, steps: warmUp + timedSteps,
            tokensPerMicroBatch: request.tokensPerMicroBatch, recompute: request.recompute, directory: "\(folder)/run")
        let path = "\(folder)/\(part.rawValue).yaml"
        try Data(configuration.yaml.utf8).write(to: URL(fileURLWithPath: path))
        let task = Measurement.Task.step(
            name: part.rawValue, model: request.model.rawValue, configuration: path, warmUp: warmUp, timed: timedSteps,
            hasPairs: part.hasPairs)
        let result = try result([task], tensor: tensor, otherwise: part.rawValue)
        try? FileManager.default.removeItem(atPath: "\(folder)/run")
        return result?.step
    }

    /// The step's dataset, and the number of steps before the timed ones.
    private func dataset(for part: BenchmarkPart) throws -> (path: String, warmUp: Int) {
        if let texts = part.textShape {
            return (try data.texts(count: texts.count * (1 + timedSteps), length: texts.length), 1)
        }
        // The timed steps see all of these pairs, with any number of warm-up steps.
        let perStep = BenchmarkPart.pairsPerStep
        let pairs = try data.pairs(count: timedSteps * perStep, perStep: perStep, from: request.pairs)
        return (pairs.path, part.isCached ? pairs.count / perStep : 1)
    }

    private func result(
        _ tasks: [Measurement.Task], tensor: Int, otherwise name: String = "this"
    ) throws -> MeasurementResult? {
        switch try launcher.measure(tasks, model: request.model, tensor: tensor, quick: request.quick) {
        case .measured(let result):
            if let mpi = result.mpi { report.versions.mpi = mpi }
            return result
        case .refused(let reason):
            report.notices.append("\(name) is left out: \(reason.replacingOccurrences(of: folder + "/", with: ""))")
            return nil
        }
    }

    /// Measures Tandem and the peer in turns, so that other work on the machine affects both.
    private func measure(_ part: BenchmarkPart, against peer: Peer, python: String) throws {
        let rounds = request.quick ? 1 : 2
        var ours: [StepResult] = []
        var theirs: [Peer.Result] = []
        for round in 1...rounds {
            guard let step = try measure(part) else { return }
            ours.append(step)
            progress("\(peer.name), round \(round) of \(rounds)")
            theirs.append(
                try peer.measure(
                    python: python, model: checkpoint, records: peer.takesPairs ? data.pairsJSONL : data.textsJSONL(512),
                    steps: 1 + timedSteps, threads: request.ranks * launcher.threads, folder: folder))
        }
        report.steps += ours
        let ourSeconds = median(ours.flatMap(\.stepSecondsEach))
        let theirSeconds = median(theirs.flatMap(\.seconds))
        report.peers.append(
            PeerResult(
                name: part.rawValue, peer: peer.name, versions: theirs[0].versions, rounds: rounds, ourSeconds: ourSeconds,
                peerSeconds: theirSeconds, speedup: theirSeconds / ourSeconds,
                ourPeakMemoryBytes: ours.map(\.peakMemoryBytes).max()!,
                peerPeakMemoryBytes: theirs.map(\.peakMemoryBytes).max()!))
    }
}
