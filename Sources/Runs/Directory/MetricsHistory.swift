import Checkpoints
import Foundation
import JSON

/// The rows of `metrics.jsonl` that belong to the steps up to a checkpoint's, where somebody changed the file since.
///
/// The checkpoint is whole without them, so a run goes on with what there is, and says what is missing.
struct MetricsHistory {
    /// Rows that are kept, as they were found, each with its line end.
    private(set) var kept = Data()
    private(set) var rowCount = 0
    /// Lines that are no rows, each with its line end.
    private(set) var unreadable = Data()
    private var foundSteps: Set<Int> = []
    private var evaluationCount = 0
    private let manifest: CheckpointManifest

    /// - Parameter content: of the file as it is now; empty where there is none.
    init(_ content: Data, upTo manifest: CheckpointManifest) {
        self.manifest = manifest
        for line in content.split(separator: 0x0A) { add(line) }
    }

    /// Rows of later steps, and of evaluations that are still to be done, are left out: they will be written again.
    private mutating func add(_ line: Data) {
        guard let row = try? JSONValue(parsing: Array(line)), let step = row["step"]?.wholeNumber else {
            unreadable += line + [0x0A]
            return
        }
        let isEvaluation = row["eval"] == .bool(true)
        let pending = manifest.trainerState?.pending?.evaluations ?? []
        let isPending = isEvaluation && step == manifest.step && row["dataset"]?.text.map(pending.contains) ?? false
        guard step <= manifest.step, !isPending else { return }
        kept += line + [0x0A]
        rowCount += 1
        if isEvaluation { evaluationCount += 1 } else { foundSteps.insert(step) }
    }

    /// What the file lacks of what it held at the checkpoint, in words; nil where each step has its row.
    var missing: String? {
        let steps = manifest.step > 0 ? (1...manifest.step).filter { !foundSteps.contains($0) } : []
        // Every step has one row; the others are evaluations'.
        let evaluations = manifest.metrics.rows - manifest.step - evaluationCount
        var parts: [String] = []
        if !steps.isEmpty { parts.append("of step\(steps.count == 1 ? "" : "s") \(MetricsHistory.ranges(steps))") }
        if evaluations > 0 { parts.append("of \(evaluations) evaluation\(evaluations == 1 ? "" : "s")") }
        return parts.isEmpty ? nil : parts.joined(separator: " and ")
    }

    /// `1-3, 7`, at most eight of them.
    private static func ranges(_ steps: [Int]) -> String {
        var ranges: [ClosedRange<Int>] = []
        for step in steps {
            if let last = ranges.last, last.upperBound + 1 == step {
                ranges[ranges.count - 1] = last.lowerBound...step
            } else {
                ranges.append(step...step)
            }
        }
        let words = ranges.prefix(8).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        return words.joined(separator: ", ") + (ranges.count > 8 ? " and \(ranges.count - 8) more stretches" : "")
    }
}
