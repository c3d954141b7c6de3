import Files
import Foundation
import Settings
import TestSupport
import Testing

@testable import Reporting
@testable import Runs
@testable import Stepping
@testable import Training

@Suite("tandem evaluate --output") struct FigureFileTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("figures.json") }

    private func report(_ dataset: String, _ figures: [Figure]) -> TrainingEvent {
        .evaluated(EvaluationReport(step: 0, dataset: dataset, figures: figures, moment: MetricsFileTests.moment, negativeLogLikelihood: nil))
    }

    @Test("figures stand by dataset, in their order, under the model's name; what is not a number is null")
    func content() throws {
        let file = FigureFile(path: path, model: "models/one")
        try file.receive(report("first", [Figure("eval_loss", 0.5), Figure("eval_entropy", .infinity)]))
        try file.receive(report("second", [Figure("eval_loss", 2)]))
        #expect(!FileManager.default.fileExists(atPath: path), "nothing is written before all is known")
        try file.write()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let time = try #require(text.firstMatch(of: /"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"/)).1
        #expect(
            text == """
                {
                  "model": "models/one",
                  "time": "\(time)",
                  "datasets": {
                    "first": {
                      "eval_loss": 0.5,
                      "eval_entropy": null
                    },
                    "second": {
                      "eval_loss": 2
                    }
                  }
                }

                """)
        #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [String: Any])
    }

    @Test("its own file is replaced; another one, though JSON, is refused and stays")
    func others() throws {
        let file = FigureFile(path: path, model: "models/one")
        try file.receive(report("validation", []))
        try file.write()
        try OutputPath.check([FigureFile.output(path)], against: [], overwriting: false)
        try folder.write(#"{"model": "models/one"}"#, to: "figures.json")
        let failure = try #require(throws: Failure.self) {
            try OutputPath.check([FigureFile.output(path)], against: [], overwriting: false)
        }
        #expect(failure.description.contains("figures") && failure.place.contains("figures.json"), "\(failure)")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == #"{"model": "models/one"}"#)
    }
}
