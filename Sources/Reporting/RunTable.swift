import Foundation

/// A run's metrics as a person wants them: where it stands, and validation figures before and after.
public struct RunTable {
    /// A row of `metrics.jsonl`: figures by name, to the last bit.
    private struct Row: Decodable {
        var figures: [String: Double] = [:]
        var isEvaluation = false
        var dataset: String?

        private struct Name: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            for key in container.allKeys {
                if key.stringValue == "eval" {
                    isEvaluation = try container.decode(Bool.self, forKey: key)
                } else if key.stringValue == "dataset" {
                    dataset = try container.decode(String.self, forKey: key)
                } else {
                    figures[key.stringValue] = try? container.decode(Double.self, forKey: key)
                }
            }
        }
    }

    private let rows: [Row]

    /// Rows that can't be read, such as one that was cut by a crash, are left out.
    public init(metricsFile: String) {
        let text = (try? String(contentsOfFile: metricsFile, encoding: .utf8)) ?? ""
        rows = text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
    }

    /// The last training step that has a row.
    public var lastStep: Int? { rows.last { !$0.isEvaluation }?.figures["step"].map { Int($0) } }

    /// The run's lines; none where it has no metrics yet.
    public var lines: [String] {
        training + datasets.flatMap { name in
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

    /// In the order of their first evaluation.
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
        let steps = [first, last].map { "step " + shown($0.figures["step"], "%.0f") }
        var lines = ["", column(name, 24) + column(steps[0], 12) + steps[1]]
        for entry in entries {
            guard let before = first.figures[entry.figure], let after = last.figures[entry.figure] else { continue }
            lines.append(
                column("  " + entry.label, 24) + column(shown(entry.value(before), entry.format), 12)
                    + shown(entry.value(after), entry.format))
        }
        let isLanguageModeling = first.figures["eval_nll/chosen"] == nil && first.figures["eval_ce"] == nil
        if isLanguageModeling, let loss = first.figures["eval_loss"], let after = last.figures["eval_loss"] {
            lines.append(column("  perplexity", 24) + column(shown(exp(loss), "%.3f"), 12) + shown(exp(after), "%.3f"))
        }
        return lines
    }

    private func shown(_ value: Double?, _ format: String) -> String { value.map { String(format: format, $0) } ?? "?" }
    private func column(_ text: String, _ width: Int) -> String {
        text.count >= width ? text + " " : text + String(repeating: " ", count: width - text.count)
    }
}
