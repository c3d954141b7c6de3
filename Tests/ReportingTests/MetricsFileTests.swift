import Foundation
import JSON
import Settings
import TestSupport
import Testing

@testable import Reporting
@testable import Runs
@testable import Stepping
@testable import Training

@Suite("metrics.jsonl") struct MetricsFileTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("metrics.jsonl") }

    // Monday, 1 December 2025, 10:51:28 UTC; 12.3456 s are 12.346 to the millisecond.
    static let moment = Moment(time: Date(timeIntervalSince1970: 1_764_586_288), elapsedSeconds: 12.3456)
    private static let when = #""time": "2025-12-01T10:51:28Z", "elapsed_seconds": 12.346"#

    private func step(_ step: Int, _ figures: [Figure] = []) -> TrainingEvent {
        .step(StepReport(step: step, totalSteps: 10, figures: figures, moment: MetricsFileTests.moment))
    }

    private func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test("a training step is a row: its number, when it ended, its figures in their order")
    func trainingStep() throws {
        let file = MetricsFile(path: path)
        try file.receive(step(3, [Figure("loss", 0.1), Figure("tokens", 4096), Figure("grad_norm", .nan)]))
        #expect(try text() == #"{"step": 3, \#(MetricsFileTests.when), "loss": 0.1, "tokens": 4096, "grad_norm": null}"# + "\n")
    }

    @Test("an evaluation is a row that says so, and names its dataset")
    func evaluation() throws {
        let file = MetricsFile(path: path)
        try file.receive(
            .evaluated(
                EvaluationReport(
                    step: 0, dataset: #"held/"out""#, figures: [Figure("eval_loss", 2)], moment: MetricsFileTests.moment,
                    negativeLogLikelihood: nil)))
        #expect(try text() == #"{"step": 0, "eval": true, "dataset": "held/\"out\"", \#(MetricsFileTests.when), "eval_loss": 2}"# + "\n")
    }

    @Test(
        "a number reads back to the same bits, a whole one without a point; what is not a number is null",
        arguments: [
            (0.1 + 0.2, "0.30000000000000004"), (1.0 / 3, "0.3333333333333333"), (-7, "-7"), (0, "0"), (-0.0, "-0.0"), (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (999_999_999_999_999, "999999999999999"), (Double.leastNonzeroMagnitude, "5e-324"), (Double.infinity, "null"), (Double.nan, "null"),
        ] as [(Double, String)])
    func numbers(value: Double, expected: String) {
        #expect(value.json.compact == expected)
        if value.isFinite { #expect(Double(expected)?.bitPattern == value.bitPattern) }
    }

    @Test("a run that goes on cuts the file to what its checkpoint knew, and adds its rows behind that")
    func resumed() throws {
        let first = MetricsFile(path: path)
        for number in 1...3 { try first.receive(step(number)) }
        let lines = try text().split(separator: "\n")
        #expect(lines.count == 3)
        let second = MetricsFile(path: path)
        // The first row with the end of its line.
        try second.receive(.resumed(step: 1, metrics: MetricsPosition(bytes: lines[0].utf8.count + 1, rows: 1)))
        try second.receive(step(2, [Figure("loss", 5)]))
        #expect(try text() == "\(lines[0])\n" + #"{"step": 2, \#(MetricsFileTests.when), "loss": 5}"# + "\n")
    }

    @Test("a run that goes on from before its first row makes an empty file where there is none")
    func resumedAtNothing() throws {
        try MetricsFile(path: path).receive(.resumed(step: 0, metrics: MetricsPosition(bytes: 0, rows: 0)))
        #expect(try text() == "")
    }

    @Test("where somebody removes the file, rows go on in a new one of its name")
    func removed() throws {
        let file = MetricsFile(path: path)
        try file.receive(step(1))
        try FileManager.default.removeItem(atPath: path)
        try file.receive(step(2))
        #expect(try text() == #"{"step": 2, \#(MetricsFileTests.when)}"# + "\n")
    }

    @Test("rows that can't be written end the run: the file is named")
    func unwritable() throws {
        let place = folder.file("none/metrics.jsonl")
        let failure = try #require(throws: Failure.self) { try MetricsFile(path: place).receive(step(1)) }
        #expect(failure.exitCode == .inputOutput && failure.place == place)
    }

    @Test("events without figures leave no row")
    func otherEvents() throws {
        let file = MetricsFile(path: path)
        try file.receive(.notice("a word"))
        try file.receive(.saved(folder: "run/checkpoints/step-1", step: 1))
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
