import Foundation
import Planning
import Reporting

/// What a scaling run found: as a table, CSV, JSON and a drawing.
public struct ScalingReport: Codable, Sendable {
    public var machine: Machine
    public var versions: Versions
    /// ISO 8601.
    public var started: String
    public var rounds: Int
    /// Of a rank.
    public var threads: Int
    public var pairsOfRank: Int
    public var tokensOfPair: Int
    public var points: [ScalingPoint] = []
    /// What the forecast reckons with between nodes.
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

    public func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }

    /// Rounds whose times lie further apart than this part of their median were not the same machine's.
    private static let usualSpread = 0.15

    /// What makes this run's figures unfit for use, in words; none of a quiet run.
    public var disturbances: [String] {
        let busy =
            machine.wasBusy
            ? [String(format: "others kept this machine busy before it (load %.2f on %d cores)", machine.loadBefore, machine.cores)] : []
        let measured = points.filter { !$0.isForecast && !$0.isOversubscribed }
        guard let worst = measured.max(by: { ($0.spread ?? 0) < ($1.spread ?? 0) }), let spread = worst.spread,
            spread > ScalingReport.usualSpread
        else { return busy }
        let percent = String(format: "%.0f", 100 * spread)
        return busy + ["rounds of \(worst.series.name) on \(worst.ranks) rank\(worst.ranks == 1 ? "" : "s") lie \(percent) % apart"]
    }

    /// Where and when it was measured.
    var heading: String {
        "\(machine.host), \(machine.processor), \(machine.cores) cores; \(started); Tandem \(versions.tandem); "
            + "\(rounds) round\(rounds == 1 ? "" : "s"), \(threads) thread a rank, \(pairsOfRank) pairs of \(tokensOfPair) tokens a data rank"
    }

    /// A line a point, heading first; figures in full. Every line says where and when it was measured.
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

    /// A field of text, as RFC 4180 has it.
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

    /// What each figure means, printed below the table.
    private var definitions: String {
        var lines = [
            "s: median step over the timed ones of a round, data to update, and the median over rounds. tokens: each prompt once.",
            "spread: slowest round less fastest, of the median.",
            "efficiency: operations a second and rank, over those of one rank in its series; operations are the matrix products",
            "  that the step needs (the reference's too where it is on); both are of one round. 100: n ranks do n times as much.",
            "strong: the same step on more ranks; efficiency is then s(1) / (n · s(n)).",
            "weak data: \(pairsOfRank) pairs a rank, so tokens grow with the ranks; efficiency is then s(1) / s(n).",
            "weak tensor: heads, feed-forward columns and vocabulary grow with the ranks, the residual width and the tokens",
            "  stay; each rank has as much to multiply, and efficiency is s(1) / s(n) where heads divide.",
            "even: 8 heads in 4 groups (4 in 2 a rank in the weak series). uneven: SmolLM2's 9 heads in 3 groups, 2 + 1 on two ranks",
            "  (in the weak series one rank has 2 groups alone, which is more than half: efficiency is of operations, as above).",
            "machine's own: the same efficiency of the products alone, each timed by all ranks at once after the steps: what the",
            "  cores lose to each other, with no trainer between them.",
            "communication: sending and waiting for other ranks, its part of a step, mean over ranks. What is hidden is not in it.",
            "MiB a rank: most memory resident, mapped files included, mean over ranks.",
        ]
        if let network {
            lines.append(
                String(
                    format: "forecast: the plan's model (docs/planning.md) times what it missed the series' last measured point by; nodes like "
                        + "this one,\n  network %.1f Gbit/s a node, %.0f µs, %@.",
                    network.bytesPerSecond * 8e-9, network.latencySeconds * 1e6, network.isAssumed ? "assumed" : "measured"))
        }
        return lines.joined(separator: "\n")
    }
}
