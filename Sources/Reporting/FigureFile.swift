import Files
import Foundation
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
            guard let bytes = FileManager.default.contents(atPath: path),
                let object = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any]
            else { return false }
            return object["model"] is String && object["datasets"] is [String: Any]
        }
    }

    public func receive(_ event: TrainingEvent) throws(Failure) {
        if case .evaluated(let report) = event { reports.append(report) }
    }

    /// Replaces the whole file. Numbers read back to the same bits. NaN and infinity are written as null.
    public func write() throws(Failure) {
        let sets = reports.map { report in
            let figures = report.figures.map { "      \(MetricsFile.quoted($0.name)): \(MetricsFile.number($0.value))" }
            return "    \(MetricsFile.quoted(report.dataset)): {\n\(figures.joined(separator: ",\n"))\n    }"
        }
        let text = """
            {
              "model": \(MetricsFile.quoted(model)),
              "time": \(MetricsFile.quoted(Date().iso8601)),
              "datasets": {
            \(sets.joined(separator: ",\n"))
              }
            }

            """
        try TemporaryFile.write(text.utf8, to: path)
    }
}
