import Foundation
import JSON
import Planning
import Reporting

/// The results of a scaling run, as a table, CSV, JSON and a plot.
public struct ScalingReport: Sendable {
    public var machine: Machine
    public var versions: Versions
    /// The start of the run, ISO 8601.
    public var started: String
    public var rounds: Int
    /// Threads per rank.
    public var threads: Int
    public var pairsOfRank: Int
    public var tokensOfPair: Int
    public var points: [ScalingPoint] = []
    /// The network between nodes in the forecast. Nil without a forecast.
    public var network: MachineRates.Network?
    public var notices: [String] = []

    init(
        machine: Machine, versions: Versions, started: String, rounds: Int, threads: Int, sizes: ScalingSeries.Sizes
    ) {
        self.machine = machine
        self.versions = versions
        self.started = started
        self.rounds = rounds
        self.threads = threads
        pairsOfRank = sizes.pairs
        tokensOfPair = sizes.promptTokens + 2 * sizes.completionTokens
    }

    /// The largest spread of a quiet machine. A larger spread shows that the machine was disturbed.
    private static let usualSpread = 0.15

    /// The reasons why this run's figures must not be used. Empty for a quiet machine.
    public var disturbances: [String] {
        let busy =
            machine.wasBusy
            ? [String(format: "others kept this machine busy before the run (load %.2f on %d cores)", machine.loadBefore, machine.cores)] : []
        let measured = points.filter { !$0.isForecast && !$0.isOversubscribed }
        guard let worst = measured.max(by: { ($0.spread ?? 0) < ($1.spread ?? 0) }), let spread = worst.spread,
            spread > ScalingReport.usualSpread
        else { return busy }
        let percent = String(format: "%.0f", 100 * spread)
        return busy + ["rounds of \(worst.series.name) on \(worst.ranks) rank\(worst.ranks == 1 ? "" : "s") lie \(percent) % apart"]
    }

    /// The place and time of the measurement.
    var heading: String {
        "\(machine.host), \(machine.processor), \(machine.cores) cores; \(started); Tandem \(versions.tandem); "
            + "\(rounds) round\(rounds == 1 ? "" : "s"), \(threads) thread a rank, \(pairsOfRank) pairs of \(tokensOfPair) tokens a data rank"
    }

    /// One line per point, after a heading. Figures are not rounded. Every line has the place and time of the measurement.
    public var csv: String {
        let heading =
            "growth,axis,shape,reference,ranks,nodes,forecast,oversubscribed,step_seconds,tokens_per_second,operations,"
            + "efficiency,machine_efficiency,exposed_communication,memory_bytes_per_rank,"
            + "step_seconds_lowest,step_seconds_highest,efficiency_lowest,efficiency_highest,rounds,disturbed,date,host,processor,cores,model"
        let isDisturbed = !disturbances.isEmpty
        func range(_ values: [Double]?) -> [String] { values.map { $0.map { "\($0)" } } ?? ["", ""] }
        let lines = points.map { point in
            let series = point.series
            return [
                series.growth.rawValue, series.axis.rawValue, series.shape.rawValue, series.reference.rawValue, "\(point.ranks)",
                "\(point.nodes)", "\(point.isForecast)", "\(point.isOversubscribed)", "\(point.stepSeconds)",
                "\(point.tokensPerSecond)", "\(point.operations)", "\(point.efficiency)",
                point.machineEfficiency.map { "\($0)" } ?? "", "\(point.exposedCommunication)", "\(point.memoryBytesPerRank)",
            ] + range(point.stepSecondsRange) + range(point.efficiencyRange) + [
                "\(rounds)", "\(isDisturbed)", started, ScalingReport.quoted(machine.host), ScalingReport.quoted(machine.processor),
                "\(machine.cores)", ScalingReport.quoted(point.model),
            ]
        }.map { $0.joined(separator: ",") }
        return ([heading] + lines).joined(separator: "\n") + "\n"
    }

    /// A text field by RFC 4180.
    private static func quoted(_ text: String) -> String { "\"" + text.replacing("\"", with: "\"\"") + "\"" }

    public var text: String {
        var table = TextTable([
            "series", "ranks", "nodes", "s", "spread %", "tokens/s", "efficiency %", "machine's own %", "communication %", "MiB a rank", "",
        ])
        for point in points {
            table.add([
                point.series.name, "\(point.ranks)", "\(point.nodes)", String(format: "%.3f", point.stepSeconds),
                point.spread.map(percent) ?? "-", String(format: "%.1f", point.tokensPerSecond), percent(point.efficiency),
                point.machineEfficiency.map(percent) ?? "-", percent(point.exposedCommunication),
                String(format: "%.0f", point.memoryBytesPerRank / 0x1p20), mark(point),
            ])
        }
        let warning =
            disturbances.isEmpty
            ? "" : "\nDISTURBED, take no figures from this run: \(disturbances.joined(separator: "; "))"
        return ([heading + warning, table.text, definitions] + notices.map { "note: \($0)" }).joined(separator: "\n\n")
    }

    private func percent(_ value: Double) -> String { String(format: "%.1f", 100 * value) }

    private func mark(_ point: ScalingPoint) -> String {
        point.isForecast ? "forecast" : point.isOversubscribed ? "more ranks than cores: not scaling" : "measured"
    }

    /// The meaning of each figure, for the text below the table.
    private var definitions: String {
        var lines = [
            "s: seconds of a whole step; median over the timed steps of a round, then over rounds. tokens: each prompt once.",
            "spread: the slowest round less the fastest, divided by the median.",
            "efficiency: operations a second per rank, divided by the same figure of one rank in the same series and round.",
            "  Operations are the matrix products that the step needs, with a reference that is on. 100: n ranks do n times as much.",
            "strong: the same step on more ranks; efficiency is then s(1) / (n · s(n)).",
            "weak data: \(pairsOfRank) pairs a rank, so tokens grow with the ranks; efficiency is then s(1) / s(n).",
            "weak tensor: heads, feed-forward columns and vocabulary grow with the ranks; the residual width and the tokens stay.",
            "  Each rank multiplies as much as one rank did, and efficiency is s(1) / s(n) if the heads divide.",
            "even: 8 heads in 4 groups (weak series: 4 heads in 2 groups a rank). uneven: SmolLM2's 9 heads in 3 groups, 2 + 1 on",
            "  two ranks (weak series: one rank has 2 groups, more than half, so efficiency compares operations, not seconds).",
            "machine's own: the efficiency of the matrix products alone, each timed by all ranks at once after every step.",
            "  It shows how much the cores slow each other down without a trainer.",
            "communication: fraction of a step for sending and waiting, mean over ranks, without hidden communication.",
            "MiB a rank: highest resident memory, mapped files included, mean over ranks.",
        ]
        if let network {
            lines.append(
                String(
                    format: "forecast: the plan's model (docs/planning.md), scaled to agree with the last measured point of the series; nodes "
                        + "like this one,\n  network %.1f Gbit/s a node, %.0f µs, %@.",
                    network.bytesPerSecond * 8e-9, network.latencySeconds * 1e6, network.isAssumed ? "assumed" : "measured"))
        }
        return lines.joined(separator: "\n")
    }
}

extension ScalingReport: JSONWritable {
    public var json: JSONValue {
        .fields([
            "machine": machine, "versions": versions, "started": started, "rounds": rounds, "threads": threads,
            "pairs_of_rank": pairsOfRank, "tokens_of_pair": tokensOfPair, "points": points, "network": network,
            "notices": notices,
        ])
    }
}
