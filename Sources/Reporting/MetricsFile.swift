import Foundation
import Settings
import Training

/// `metrics.jsonl`: one object a training step or evaluation, each line on disk before the next step begins.
///
/// Numbers are printed so that they read back to the same bits; what is not a number is null.
public final class MetricsFile: EventListener {
    private let path: String
    private var handle: FileHandle?
    private var isResumed = false

    public init(path: String) { self.path = path }

    public func receive(_ event: TrainingEvent) throws(Failure) {
        switch event {
        case .step(let report):
            try write([("step", "\(report.step)")] + report.figures.map { ($0.name, MetricsFile.number($0.value)) })
        case .evaluated(let report):
            let head = [("step", "\(report.step)"), ("eval", "true"), ("dataset", MetricsFile.quoted(report.dataset))]
            try write(head + report.figures.map { ($0.name, MetricsFile.number($0.value)) })
        case .resumed(let step): try dropRows(after: step)
        case .started, .notice, .exported, .saved, .interrupted, .finished: break
        }
    }

    private func write(_ members: [(String, String)]) throws(Failure) {
        let line = "{" + members.map { "\(MetricsFile.quoted($0.0)): \($0.1)" }.joined(separator: ", ") + "}\n"
        do {
            if handle == nil {
                if !isResumed { try Data().write(to: URL(fileURLWithPath: path)) }
                handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
                try handle!.seekToEnd()
            }
            try handle!.write(contentsOf: Data(line.utf8))
        } catch {
            throw .unwritable(path, error, remedy: "Check the free space; the run can't go on without its metrics.")
        }
    }

    /// Keeps the rows of steps up to `step`: what came after the checkpoint is computed again.
    private func dropRows(after step: Int) throws(Failure) {
        isResumed = true
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let kept = text.split(separator: "\n").filter { line in
                let row = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                return (row?["step"] as? Int).map { $0 <= step } ?? false
            }
            try Data(kept.map { $0 + "\n" }.joined().utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw .inputOutput(
                path, "can't be taken up again (\((error as NSError).localizedDescription))",
                remedy: "Put the run's metrics back, or start a new run.")
        }
    }

    /// The shortest decimal that reads back to the same Double.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "null" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    }

    static func quoted(_ text: String) -> String {
        let data = try? JSONSerialization.data(withJSONObject: text, options: [.fragmentsAllowed, .withoutEscapingSlashes])
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
