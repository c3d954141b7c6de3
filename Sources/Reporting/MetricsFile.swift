import Foundation
import JSON
import Runs
import Settings
import Stepping

/// `metrics.jsonl`: one object per training step or evaluation. Each line is in the file before the next step begins.
///
/// Numbers read back to the same bits. NaN and infinity are written as null.
public final class MetricsFile: EventListener {
    private let path: String
    private var handle: FileHandle?

    public init(path: String) { self.path = path }

    public func receive(_ event: TrainingEvent) throws(Failure) {
        switch event {
        case .step(let report):
            try write([("step", report.step.json)], report.moment, report.figures)
        case .evaluated(let report):
            let head = [("step", report.step.json), ("eval", JSONValue.bool(true)), ("dataset", report.dataset.json)]
            try write(head, report.moment, report.figures)
        case .resumed(_, let position): try dropRows(after: position)
        case .started, .notice, .exported, .saved, .interrupted, .finished: break
        }
    }

    private func write(_ head: [(String, JSONValue)], _ moment: Moment, _ figures: [Figure]) throws(Failure) {
        let elapsed = (moment.elapsedSeconds * 1000).rounded() / 1000
        let when = [("time", moment.time.iso8601.json), ("elapsed_seconds", elapsed.json)]
        let members = head + when + figures.map { ($0.name, $0.value.json) }
        try write(.object(members.map { JSONValue.Member(name: JSONString($0), value: $1) }))
    }

    private func write(_ row: JSONValue) throws(Failure) {
        let line = row.line + "\n"
        do {
            // If somebody removed or replaced the file, further rows go to the file that now has its name.
            if let descriptor = handle?.fileDescriptor, MetricsFile.isRemoved(descriptor) { handle = nil }
            if handle == nil {
                if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(fileURLWithPath: path)) }
                handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
                try handle!.seekToEnd()
            }
            try handle!.write(contentsOf: Data(line.utf8))
        } catch {
            throw .unwritable(path, error, remedy: "Check the free space; the run can't go on without its metrics.")
        }
    }

    private static func isRemoved(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_nlink == 0
    }

    /// Cuts the file to its content at the checkpoint, because later steps are computed again. `RunDirectory` has compared or
    /// restored this content before.
    private func dropRows(after position: MetricsPosition) throws(Failure) {
        do {
            if position.bytes == 0, !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(fileURLWithPath: path)) }
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            defer { try? file.close() }
            try file.truncate(atOffset: UInt64(position.bytes))
        } catch {
            throw .inputOutput(
                path, "can't be continued (\((error as NSError).localizedDescription))",
                remedy: "Check its permissions.")
        }
    }
}
