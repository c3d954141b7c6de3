import Costs
import Foundation
import Planning
import Settings
import Stepping

/// A run's plan as text.
public struct PlanTable {
    private let plan: RunPlan

    public init(_ plan: RunPlan) { self.plan = plan }

    public var text: String {
        ([heading, memory, operations] + [traffic, time, duration].compactMap(\.self)).joined(separator: "\n\n")
    }

    private var heading: String {
        let shape = plan.shape
        let nodes = "\(shape.nodeCount) node\(shape.nodeCount == 1 ? "" : "s")"
        return "\(plan.modelName): \(shape.layout), \(shape.threads) thread\(shape.threads == 1 ? "" : "s") a rank, "
            + "\(min(shape.ranksPerNode, shape.layout.rankCount)) on each of \(nodes)\n"
            + "counted over the run's first \(plan.work.count) step\(plan.work.count == 1 ? "" : "s"); "
            + "\(plan.needs.fullest.tokens) tokens in the fullest micro-batch"
    }

    private var memory: String {
        let ranks = plan.memory
        // Tensor ranks with the same memory as the rank before them have no column of their own.
        var columns: [(name: String, memory: RankMemory)] = []
        for (rank, memory) in ranks.enumerated() where columns.last?.memory != memory {
            columns.append((ranks.count == 1 ? "MiB per rank" : "tensor rank \(rank)", memory))
        }
        var table = TextTable(["memory"] + columns.map(\.name))
        for kind in columns[0].memory.items.map(\.kind) {
            table.add([kind.name] + columns.map { mebibytes($0.memory[kind]) })
        }
        table.add(["total"] + columns.map { mebibytes($0.memory.byteCount) })
        var lines = [
            table.text, "a node: \(gibibytes(plan.bytesOfNode)) of \(gibibytes(Double(plan.nodeByteCount))) GiB, shared pages counted once",
        ]
        if plan.savesCheckpoints { lines.append(checkpoint) }
        return lines.joined(separator: "\n")
    }

    /// A save's memory is not part of the table above: if a node has no room for a save, the steps wait for it.
    private var checkpoint: String {
        let files = plan.memory.indices.map { plan.shape.stateBytes(tensorRank: $0) }
        let whole = files.reduce(0, +) * Double(plan.shape.layout.data)
        return "a checkpoint: \(gibibytes(whole)) GiB on disk; while it is written a rank takes up to \(mebibytes(files.max()!)) MiB more, "
            + "and if a node has no room for this, the steps wait"
    }

    private var operations: String {
        var table = TextTable(["operations a step, all ranks", "GFLOP"])
        for (name, count) in plan.operations { table.add([name, giga(count)]) }
        table.add(["total", giga(plan.operations.reduce(0) { $0 + $1.count })])
        return table.text
    }

    private var traffic: String? {
        guard plan.shape.layout.rankCount > 1 else { return nil }
        var table = TextTable(["a rank sends, MB a step", "axis", "MB"])
        let traffic = plan.traffic
        let parts = [
            ("gradients", "data", traffic.gradients), ("activations", "tensor", traffic.activations),
            ("reference values", "bridge", traffic.referenceValues),
        ]
        for (name, axis, bytes) in parts where bytes > 0 { table.add([name, axis, String(format: "%.3f", bytes / 1e6)]) }
        return table.text
    }

    private var time: String? {
        guard let first = plan.seconds(), let rates = plan.rates else { return nil }
        let cached = plan.shape.references.contains(where: \.isCached) ? plan.seconds(isCached: true) : nil
        let columns = [("s", first)] + (cached.map { [("s, cached", $0)] } ?? [])
        var table = TextTable(["expected step"] + columns.map(\.0))
        for section in Stopwatch.Section.allCases where columns.contains(where: { $0.1[section] > 0 }) {
            table.add([section.rawValue] + columns.map { String(format: "%.3f", $0.1[section]) })
        }
        table.add(["total"] + columns.map { String(format: "%.3f", $0.1.total) })
        let tokens = plan.tokens / first.total
        var lines = [table.text, String(format: "%.1f tokens/s; rates of %@", tokens, rates.processor)]
        if plan.shape.nodeCount > 1 && rates.network.isAssumed {
            lines.append("note: the network between nodes was not measured; the plan assumes 10 Gbit/s and 30 µs (network in the machine's file)")
        }
        let busy = min(plan.shape.ranksPerNode, plan.shape.layout.rankCount) * plan.shape.threads
        if busy > rates.cores { lines.append("note: \(busy) threads share a node's \(rates.cores) cores") }
        return lines.joined(separator: "\n")
    }

    /// The duration of the whole run, and the time limit to ask a scheduler for.
    private var duration: String? {
        guard let duration = plan.duration else { return nil }
        var parts = ["training \(Console.duration(duration.training))"]
        if duration.evaluation >= 0.5 { parts.append("validation \(Console.duration(duration.evaluation))") }
        if duration.saving >= 0.5 { parts.append("checkpoints and exports \(Console.duration(duration.saving))") }
        let limit = PlanTable.clock(duration.suggestedLimit)
        return String(format: "the run: %d step%@ in %.2f hours", duration.steps, duration.steps == 1 ? "" : "s", duration.total / 3600)
            + " (\(parts.joined(separator: ", ")))\n"
            + "suggested time limit: \(limit) (run.time_limit, or sbatch --time): a quarter more and five minutes, rounded up"
    }

    /// `HH:MM:SS`, or `D-HH:MM:SS` from one day on. Slurm and `run.time_limit` read both.
    static func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        let clock = String(format: "%02d:%02d:%02d", whole / 3600 % 24, whole / 60 % 60, whole % 60)
        return whole < 86_400 ? clock : "\(whole / 86_400)-\(clock)"
    }

    private func mebibytes(_ bytes: Double) -> String { String(format: "%.1f", bytes / 0x1p20) }
    private func gibibytes(_ bytes: Double) -> String { String(format: "%.2f", bytes / 0x1p30) }
    private func giga(_ operations: Double) -> String { String(format: "%.1f", operations * 1e-9) }
}
