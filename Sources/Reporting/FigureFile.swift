import Files
import Foundation
import JSON
import Runs
import Settings

/// `tandem evaluate --output`: the validation figures of a model as one JSON object, written after the last evaluation.
public final class FigureFile: EventListener {
    private let path: String
    private let model: String
    private var reports: [EvaluationReport] = []

    /// - Parameter model: the folder or name of the evaluated model.
    public init(path: String, model: String) {
        self.path = path
        self.model = model
    }

    /// The file of `--output`, for the checks before work starts.
    public static func output(_ path: String) -> OutputPath {
        OutputPath(path, option: "--output", holding: "figures") { path in
            guard let json = JSONFile.value(path) else { return false }
            return json["model"]?.text != nil && json["datasets"]?.members != nil
        }
    }

    public func receive(_ event: TrainingEvent) throws(Failure) {
        if case .evaluated(let report) = event { reports.append(report) }
    }

    /// Replaces the whole file. Numbers read back to the same bits. NaN and infinity are written as null.
    public func write() throws(Failure) {
        let sets = reports.map { report in
            let figures = report.figures.map { JSONValue.Member(name: JSONString($0.name), value: $0.value.json) }
            return JSONValue.Member(name: JSONString(report.dataset), value: .object(figures))
        }
        let json = JSONValue.fields(["model": model, "time": Date().iso8601, "datasets": JSONValue.object(sets)])
        try TemporaryFile.write((json.indented + "\n").utf8, to: path)
    }
}
