import Foundation
import JSON

/// A summary of a run's metrics: the loss, the speed, and the first and last figures of each validation dataset.
public struct RunTable {
    /// A row of `metrics.jsonl`: exact figures by name.
    private struct Row {
        var figures: [String: Double] = [:]
        var isEvaluation = false
        var dataset: String?

        /// Nil where the line is no row.
        init?(_ line: Substring) {
            guard let members = (try? JSONValue(parsing: Array(line.utf8)))?.members else { return nil }
            for member in members {
                let name = member.name.string
                switch name {
                case "eval":
                    guard let isEvaluation = try? Bool(json: member.value) else { return nil }
                    self.isEvaluation = isEvaluation
                case "dataset":
                    guard let dataset = member.value.text else { return nil }
                    self.dataset = dataset
                default: figures[name] = member.value.double
                }
            }
        }
    }

    private let rows: [Row]

    /// Leaves out rows that can't be read, for instance a row that a crash cut.
    public init(metricsFile: String) {
        let text = (try? String(contentsOfFile: metricsFile, encoding: .utf8)) ?? ""
        rows = text.split(separator: "\n").compactMap(Row.init)
    }

    /// The last training step that has a row.
    public var lastStep: Int? { rows.last { !$0.isEvaluation }?.figures["step"].map { Int($0) } }

    /// The lines of the summary. Empty if the run has no metrics yet.
    public var lines: [String] {
        training
            + datasets.flatMap { name in
                let evaluations = rows.filter { $0.isEvaluation && $0.dataset == name }
                return table(name, first: evaluations.first!, last: evaluations.last!)
            }
    }

    private var training: [String] {
        let steps = rows.filter { !$0.isEvaluation }
        guard let first = steps.first, let last = steps.last else { return [] }
        let rates = steps.compactMap { $0.figures["tokens_per_second"] }.sorted()
        return [
            "loss        \(shown(first.figures["loss"], "%.5f")) at step \(shown(first.figures["step"], "%.0f")), "
                + "\(shown(last.figures["loss"], "%.5f")) at step \(shown(last.figures["step"], "%.0f"))",
            "speed       \(shown(rates.isEmpty ? nil : rates[rates.count / 2], "%.0f")) tokens a second (median)",
        ]
    }

    /// The datasets in the order of their first evaluation.
    private var datasets: [String] {
        var seen: [String] = []
        for name in rows.lazy.filter(\.isEvaluation).compactMap(\.dataset) where !seen.contains(name) { seen.append(name) }
        return seen
    }

    private func table(_ name: String, first: Row, last: Row) -> [String] {
        let entries: [(label: String, figure: String, format: String, value: (Double) -> Double)] = [
            ("loss", "eval_loss", "%.5f", { $0 }), ("reward accuracy", "eval_rewards/accuracies", "%.3f", { $0 }),
            ("reward margin", "eval_rewards/margins", "%+.4f", { $0 }),
            ("perplexity of chosen", "eval_nll/chosen", "%.3f", exp), ("KL from the teacher", "eval_kl", "%.4f", { $0 }),
            ("teacher agreement", "eval_teacher_agreement", "%.3f", { $0 }), ("perplexity", "eval_ce", "%.3f", exp),
            ("token accuracy", "eval_mean_token_accuracy", "%.3f", { $0 }),
        ]
        var rows = [[name] + [first, last].map { "step " + shown($0.figures["step"], "%.0f") }]
        for entry in entries {
            guard let before = first.figures[entry.figure], let after = last.figures[entry.figure] else { continue }
            rows.append(["  " + entry.label] + [before, after].map { shown(entry.value($0), entry.format) })
        }
        let isLanguageModeling = first.figures["eval_nll/chosen"] == nil && first.figures["eval_ce"] == nil
        if isLanguageModeling, let loss = first.figures["eval_loss"], let after = last.figures["eval_loss"] {
            rows.append(["  perplexity"] + [loss, after].map { shown(exp($0), "%.3f") })
        }
        // A long figure or name makes its column wider than usual.
        let widths = [24, 12].enumerated().map { column, width in rows.reduce(width) { max($0, $1[column].count + 2) } }
        return [""] + rows.map { $0[0].filled(to: widths[0]) + $0[1].filled(to: widths[1]) + $0[2] }
    }

    /// Large figures are shown with a power of ten, because fixed digits would be too long.
    private func shown(_ value: Double?, _ format: String) -> String {
        value.map { String(format: $0.isFinite && abs($0) >= 1e9 ? "%.4e" : format, $0) } ?? "?"
    }
}
