import Checkpoints
import Foundation
import JSON

/// The rows of `metrics.jsonl` up to a checkpoint's step, for a file that was changed after the checkpoint.
///
/// The checkpoint does not need the rows, so a run goes on with the rows that exist and reports missing ones.
struct MetricsHistory {
    /// Kept rows, unchanged, each with its line end.
    private(set) var kept = Data()
    private(set) var rowCount = 0
    /// Lines that are not rows, each with its line end.
    private(set) var unreadable = Data()
    private var foundSteps: Set<Int> = []
    private var evaluationCount = 0
    private let manifest: CheckpointManifest

    /// - Parameter content: the file's current content; empty if there is no file.
    init(_ content: Data, upTo manifest: CheckpointManifest) {
        self.manifest = manifest
        for line in content.split(separator: 0x0A) { add(line) }
    }

    /// Leaves out rows of later steps and of evaluations still to be done: they will be written again.
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

    /// The missing rows in words, compared with the file at the time of the checkpoint; nil if each step has its row.
    var missing: String? {
        let steps = manifest.step > 0 ? (1...manifest.step).filter { !foundSteps.contains($0) } : []
        // Every step has one row. All other rows belong to evaluations.
        let evaluations = manifest.metrics.rows - manifest.step - evaluationCount
        var parts: [String] = []
        if !steps.isEmpty { parts.append("of step\(steps.count == 1 ? "" : "s") \(MetricsHistory.ranges(steps))") }
        if evaluations > 0 { parts.append("of \(evaluations) evaluation\(evaluations == 1 ? "" : "s")") }
        return parts.isEmpty ? nil : parts.joined(separator: " and ")
    }

    /// `1-3, 7`, at most eight ranges.
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
        return words.joined(separator: ", ") + (ranges.count > 8 ? " and \(ranges.count - 8) more ranges" : "")
    }
}
