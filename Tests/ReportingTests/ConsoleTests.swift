import Foundation
import Settings
import TestSupport
import Testing

@testable import Reporting
@testable import Runs
@testable import Stepping
@testable import Training

/// What a person sees of a run. Serialised: standard output is the process's, and is caught while a test looks at it.
@Suite("The console", .serialized) struct ConsoleTests {
    private let folder = TemporaryFolder()

    /// What `body` writes to standard output.
    private func output(_ body: () throws -> Void) throws -> String {
        try folder.write("", to: "output")
        let file = open(folder.file("output"), O_WRONLY | O_APPEND)
        let standard = dup(STDOUT_FILENO)
        try #require(file >= 0 && standard >= 0)
        defer { for descriptor in [file, standard] { close(descriptor) } }
        fflush(nil)
        dup2(file, STDOUT_FILENO)
        defer { dup2(standard, STDOUT_FILENO) }
        try body()
        return try String(contentsOfFile: folder.file("output"), encoding: .utf8)
    }

    private func step(_ number: Int, of total: Int, _ figures: [Figure] = []) -> TrainingEvent {
        .step(StepReport(step: number, totalSteps: total, figures: figures, moment: MetricsFileTests.moment))
    }

    private func summary(steps: Int) -> TrainingEvent {
        .started(
            RunSummary(
                policy: "models/small", parameterCount: 1_740_000, references: ["sft (models/sft)"], layout: ParallelLayout(data: 2, tensor: 1),
                threads: 1, totalSteps: steps, recordCount: 192, directory: folder.path))
    }

    /// The expected lines among those written: other tests of the process may write between them.
    private func expect(_ expected: [String], in text: String, _ location: SourceLocation = #_sourceLocation) {
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.filter(expected.contains) == expected, "\(text)", sourceLocation: location)
    }

    @Test("a run is told from its beginning to its end, a line a thing")
    func run() throws {
        let console = Console(isLive: false, resumeCommand: "tandem train run.yaml --resume")
        let text = try output {
            try console.receive(summary(steps: 12))
            try console.receive(.notice("one record is long"))
            try console.receive(
                step(
                    9, of: 12,
                    [
                        Figure("loss", 0.693147), Figure("rewards/margins", 0.25), Figure("rewards/accuracies", 0.875), Figure("grad_norm", 1.5),
                        Figure("tokens_per_second", 2087.4), Figure("seconds", 0.375),
                    ]))
            try console.receive(.saved(folder: "run/checkpoints/step-9", step: 9))
            try console.receive(
                .evaluated(
                    EvaluationReport(
                        step: 9, dataset: "validation", figures: [Figure("eval_loss", 0.5), Figure("eval_rewards/margins", -0.125)],
                        moment: MetricsFileTests.moment, negativeLogLikelihood: nil)))
            try console.receive(.exported(folder: "run/export", step: 12))
            // 1.5 GiB; 3661 s.
            try console.receive(.finished(RunResult(steps: 12, seconds: 3661, peakMemoryByteCount: 1_610_612_736, exportFolder: "run/export")))
        }
        expect(
            [
                "policy      models/small, 1.7 M parameters", "reference   sft (models/sft), frozen",
                "layout      data 2 × tensor 1, 1 thread a rank", "data        192 records, 12 steps", "directory   \(folder.path)",
                "note: one record is long",
                "step  9/12  loss 0.69315  margin +0.2500  accuracy 0.88  norm 1.500  tokens/s 2087  0.38 s",
                "step 9: saved run/checkpoints/step-9", "step 9  validation  loss 0.50000  margin -0.1250",
                "step 12: exported to run/export", "finished    12 steps in 1 h 1 min, peak memory 1.50 GiB over all ranks",
                "model       run/export", "metrics     \(folder.path)/metrics.jsonl",
            ], in: text)
    }

    @Test("a stopped run says how it goes on, and one that had saved nothing how it begins again")
    func stopped() throws {
        let text = try output {
            let console = Console(isLive: false, resumeCommand: "tandem train run.yaml --resume")
            try console.receive(.resumed(step: 3, metrics: MetricsPosition(bytes: 0, rows: 0)))
            try console.receive(.interrupted(step: 7, reason: .signal(SIGTERM), isSaved: true))
            try console.receive(.interrupted(step: 0, reason: .signal(SIGTERM), isSaved: false))
        }
        expect(
            [
                "resumed     after step 3",
                "stopped     after step 7, which is saved (SIGTERM); continue with: tandem train run.yaml --resume",
                "stopped     before the first step: nothing is saved (SIGTERM); start again with: tandem train run.yaml --resume",
            ], in: text)
    }

    @Test("of many quick steps a few are shown, the last one always, and one that was passed over before anything else")
    func quickSteps() throws {
        let console = Console(isLive: false, resumeCommand: "")
        let text = try output {
            try console.receive(summary(steps: 2000))
            for number in 1...1000 { try console.receive(step(number, of: 2000)) }
            try console.receive(.notice("halfway"))
            for number in 1001...2000 { try console.receive(step(number, of: 2000)) }
        }
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("step ") || $0 == "note: halfway" }
        #expect(lines.count < 500 && lines.first?.hasPrefix("step    1/2000  0.00 s") == true)
        let halfway = try #require(lines.firstIndex(of: "note: halfway"))
        #expect(lines[halfway - 1].hasPrefix("step 1000/2000  0.00 s"))
        // The last one has no time left to tell.
        #expect(lines.last == "step 2000/2000  0.00 s")
    }

    @Test("on a terminal a step's line replaces the one before, and ends before anything else is written")
    func live() throws {
        let console = Console(isLive: true, resumeCommand: "")
        let text = try output {
            try console.receive(summary(steps: 2))
            for number in 1...2 { try console.receive(step(number, of: 2)) }
            try console.receive(.notice("done"))
        }
        #expect(text.contains("\r\u{1B}[Kstep 1/2  0.00 s\r\u{1B}[Kstep 2/2  0.00 s\nnote: done\n"), "\(text.debugDescription)")
    }

    @Test(
        "a time is told in its two largest units, rounded to seconds",
        arguments: [
            (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599.4, "59 min 59 s"), (3599.6, "1 h 0 min"), (7384, "2 h 3 min"),
            (90_000, "25 h 0 min"),
        ] as [(Double, String)])
    func durations(seconds: Double, expected: String) {
        #expect(Console.duration(seconds) == expected)
    }
}
