import Datasets
import Foundation
import Planning
import Runs
import Settings
import Stepping

/// Measures all series. Each point has its own processes, and each rank has one thread.
public final class ScalingRun {
    private let request: ScalingRequest
    private let folder: String
    private let progress: (String) -> Void
    private let sizes: ScalingSeries.Sizes
    private var known: [String: StepResult] = [:]

    /// - Parameters:
    ///   - folder: an empty folder, which the caller removes.
    ///   - progress: called with the name of the next measurement.
    public init(_ request: ScalingRequest, folder: String, progress: @escaping (String) -> Void) throws(Failure) {
        try request.check()
        self.request = request
        self.folder = folder
        self.progress = progress
        sizes = request.quick ? .quick : .init()
    }

    public func run() throws -> ScalingReport {
        var report = ScalingReport(
            machine: .probe(), versions: .probe(), started: Date().iso8601, rounds: request.rounds, threads: 1, sizes: sizes)
        let counts = Set(request.ranks + [1]).sorted()
        for series in ScalingSeries.all(references: request.references)
        where request.growths.contains(series.growth) && request.axes.contains(series.axis) {
            let fitting = counts.filter { series.fits(ranks: $0, sizes) }
            var rounds: [[StepResult]] = []
            for round in 0..<request.rounds {
                rounds.append(try fitting.map { try measure(series, ranks: $0, round: round) })
            }
            for (index, ranks) in fitting.enumerated() {
                report.points.append(point(series, ranks, rounds.map { (own: $0[index], first: $0[0]) }))
            }
        }
        report.machine.loadAfter = Machine.currentLoad()
        if let disturbance = report.disturbances.first {
            report.notices.append(
                "no forecast from a disturbed run: \(disturbance)."
                    + " Measure again on a quiet machine, with --rounds 3 or more.")
        } else if let machine = request.machine {
            report.points += ScalingForecast(rates: machine, sizes: sizes, nodes: request.nodes).points(after: report.points)
            report.network = machine.network
        } else {
            report.notices.append(
                "no forecast: it needs the machine's rates. Measure them with mpirun tandem plan --measure, and name the file with --machine.")
        }
        return report
    }

    /// - Parameter rounds: the result of each round, on these ranks and on one rank.
    private func point(
        _ series: ScalingSeries, _ ranks: Int, _ rounds: [(own: StepResult, first: StepResult)]
    ) -> ScalingPoint {
        func middle(_ value: (StepResult) -> Double) -> Double { median(rounds.map { value($0.own) }) }
        /// Both results are from the same round, because they were measured one after the other.
        func efficiencies(_ seconds: (StepResult) -> Double) -> [Double] {
            func rate(_ result: StepResult) -> Double { result.modelFlops / seconds(result) / Double(result.ranks) }
            return rounds.map { rate($0.own) / rate($0.first) }
        }
        func range(_ values: [Double]) -> [Double]? { values.count > 1 ? [values.min()!, values.max()!] : nil }
        return ScalingPoint(
            series: series, ranks: ranks, nodes: 1, isForecast: false, isOversubscribed: ranks > availableCores().count,
            stepSeconds: middle(\.stepSeconds), stepSecondsRange: range(rounds.map(\.own.stepSeconds)), tokensPerSecond: middle(\.tokensPerSecond),
            operations: middle(\.modelFlops),
            efficiency: median(efficiencies(\.stepSeconds)), efficiencyRange: range(efficiencies(\.stepSeconds)),
            machineEfficiency: median(efficiencies(\.floorSeconds)),
            exposedCommunication: middle { ($0.seconds[Stopwatch.Section.communication.rawValue] ?? 0) / $0.stepSeconds },
            memoryBytesPerRank: middle { Double($0.peakMemoryBytes) } / Double(ranks),
            model: series.modelName(ranks: ranks, sizes))
    }

    /// Measures one step. A step that several series share is measured once per round.
    private func measure(_ series: ScalingSeries, ranks: Int, round: Int) throws -> StepResult {
        let model = series.model(ranks: ranks, sizes)
        let pairs = series.pairsPerStep(ranks: ranks, sizes)
        let tensor = series.axis == .tensor ? ranks : 1
        let key = "\(model.json) \(pairs) \(ranks) \(tensor) \(series.reference) \(round)"
        if let result = known[key] { return result }
        progress("\(series.name), \(ranks) rank\(ranks == 1 ? "" : "s"), round \(round + 1) of \(request.rounds)")
        let configuration = try prepare(series, model: model, pairs: pairs, data: ranks / tensor, tensor: tensor)
        // The first step touches memory for the first time. It is also the first epoch, which fills the cache.
        let task = Measurement.Task.step(
            name: series.name, model: series.shape.rawValue, configuration: configuration, warmUp: 1, timed: request.steps,
            hasPairs: true)
        let launcher = Launcher(ranks: ranks, threads: 1, folder: folder)
        switch try launcher.measure([task], model: nil, tensor: tensor, quick: request.quick) {
        case .refused(let reason):
            throw Failure.configuration("\(series.name), \(ranks) ranks", reason, remedy: "Ask for fewer ranks.")
        case .measured(let result):
            try? FileManager.default.removeItem(atPath: folder + "/run")
            known[key] = result.step!
            return result.step!
        }
    }

    /// Writes the model, the dataset and the settings of a step. All pairs have equal lengths, because an uneven deal would
    /// look like a loss of efficiency. Every step sees the same pairs.
    private func prepare(
        _ series: ScalingSeries, model: ModelConfiguration, pairs: Int, data: Int, tensor: Int
    ) throws -> String {
        let checkpoint = folder + "/model"
        try? FileManager.default.removeItem(atPath: checkpoint)
        try model.exportRandom(to: checkpoint)
        let dataset = folder + "/scaling.h5"
        try? FileManager.default.removeItem(atPath: dataset)
        let writer = try DatasetWriter(path: dataset, kind: .preference)
        let ids = TokenDraw.texts(
            count: 3 * pairs, length: max(sizes.promptTokens, sizes.completionTokens), vocabulary: model.vocabularySize, seed: 17)
        for pair in 0..<pairs {
            try writer.append(
                DatasetRecord(
                    prompt: Array(ids[3 * pair].prefix(sizes.promptTokens)),
                    chosen: Array(ids[3 * pair + 1].prefix(sizes.completionTokens)),
                    rejected: Array(ids[3 * pair + 2].prefix(sizes.completionTokens))))
        }
        try writer.commit()
        let reference =
            switch series.reference {
            case .off: ""
            case .on: "frozen: {checkpoint: \"\(checkpoint)\"}"
            case .cached: "frozen: {checkpoint: \"\(checkpoint)\", cache: memory}"
            }
        let path = folder + "/scaling.yaml"
        let yaml = """
            model: {checkpoint: "\(checkpoint)"}
            references: {\(reference)}
            data: {train: "\(dataset)", shuffle: false}
            objective: {type: preference, reference: \(series.reference == .off ? "none" : "frozen")}
            parallel: {data: \(data), tensor: \(tensor)}
            schedule: {steps: \(1 + request.steps), pairs_per_step: \(pairs), tokens_per_micro_batch: 1024}
            optimizer: {learning_rate: 5.0e-6}
            run: {directory: "\(folder)/run", seed: 17, threads: 1}

            """
        try Data(yaml.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }
}
