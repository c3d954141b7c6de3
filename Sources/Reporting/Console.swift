import Foundation
import Runs
import Settings

/// Shows the progress of a run to a person, with the remaining time.
///
/// On a terminal one line is updated in place. Elsewhere (a file, a pipe, mpirun's output) steps are plain lines, at most one a
/// second. `metrics.jsonl` has every step.
public final class Console: EventListener {
    private let isLive: Bool
    private var totalSteps = 0
    private var directory = ""
    /// When a step was last shown, and the line of a later step that is not shown yet.
    private var shownAt = Date.distantPast
    private var hidden: String?
    /// When the first step of this process ended, and its number.
    private var firstStep: (end: Date, number: Int)?

    /// The command that resumes a stopped run.
    private let resumeCommand: String

    /// - Parameters:
    ///   - isLive: whether standard output is a person's terminal. Always false under mpirun: ranks write to mpirun, which may
    ///     give them a terminal of its own.
    ///   - resumeCommand: the command that resumes a stopped run.
    public init(isLive: Bool, resumeCommand: String) {
        self.isLive = isLive
        self.resumeCommand = resumeCommand
    }

    public func receive(_ event: TrainingEvent) throws(Failure) {
        if case .step = event {} else { try settle() }
        switch event {
        case .started(let summary): try start(summary)
        case .notice(let text): try Console.write("note: \(text)")
        case .step(let report): try step(report)
        case .evaluated(let report): try evaluated(report)
        case .resumed(let step, _): try Console.write("resumed     after step \(step)")
        case .saved(let folder, let step): try Console.write("step \(step): saved \(folder)")
        case .interrupted(let step, let reason, let isSaved):
            let state = isSaved ? "after step \(step), which is saved" : "before the first step: nothing is saved"
            let verb = isSaved ? "continue with" : "start again with"
            try Console.write("stopped     \(state) (\(reason)); \(verb): \(resumeCommand)")
        case .exported(let folder, let step): try Console.write("step \(step): exported to \(folder)")
        case .finished(let result): try finish(result)
        }
    }

    private func start(_ summary: RunSummary) throws(Failure) {
        totalSteps = summary.totalSteps
        directory = summary.directory
        let millions = String(format: "%.1f M", Double(summary.parameterCount) / 1e6)
        try Console.write("policy      \(summary.policy), \(millions) parameters")
        for reference in summary.references { try Console.write("reference   \(reference), frozen") }
        try Console.write("layout      \(summary.layout), \(summary.threads) thread\(summary.threads == 1 ? "" : "s") a rank")
        try Console.write("data        \(summary.recordCount) records, \(summary.totalSteps) steps")
        try Console.write("directory   \(summary.directory)")
    }

    private func step(_ report: StepReport) throws(Failure) {
        let width = "\(report.totalSteps)".count
        let number = String(repeating: " ", count: max(0, width - "\(report.step)".count)) + "\(report.step)"
        var parts = ["step \(number)/\(report.totalSteps)"]
        func add(_ label: String, _ name: String, _ format: String) {
            if let value = report[name] { parts.append("\(label) " + String(format: format, value)) }
        }
        add("loss", "loss", "%.5f")
        add("margin", "rewards/margins", "%+.4f")
        add("accuracy", "rewards/accuracies", "%.2f")
        add("KL", "kl", "%.4f")
        add("agreement", "teacher_agreement", "%.3f")
        add("norm", "grad_norm", "%.3f")
        add("tokens/s", "tokens_per_second", "%.0f")
        parts.append(String(format: "%.2f s", report["seconds"] ?? 0))
        if let left = secondsLeft(after: report.step), report.step < report.totalSteps {
            parts.append("\(Console.duration(left)) left")
        }
        try show(parts.joined(separator: "  "), isLast: report.step == report.totalSteps)
    }

    private func show(_ line: String, isLast: Bool) throws(Failure) {
        if isLive {
            // Back to the start of the line, and clear the line.
            try Console.write("\r\u{1B}[K" + line, terminator: "")
            hidden = ""
        } else if isLast || Date().timeIntervalSince(shownAt) >= 1 {
            shownAt = Date()
            hidden = nil
            try Console.write(line)
        } else {
            hidden = line
        }
    }

    /// Before other output: ends a live line, or shows the step that is not shown yet.
    private func settle() throws(Failure) {
        if let hidden { try Console.write(hidden) }
        hidden = nil
    }

    /// The remaining time, from the pace since the end of the first step. The first step is slower: it touches all memory.
    private func secondsLeft(after step: Int) -> Double? {
        guard let firstStep else {
            self.firstStep = (Date(), step)
            return nil
        }
        return Date().timeIntervalSince(firstStep.end) / Double(step - firstStep.number) * Double(totalSteps - step)
    }

    private func evaluated(_ report: EvaluationReport) throws(Failure) {
        var parts = ["step \(report.step)  \(report.dataset)"]
        for (label, name, format) in [
            ("loss", "eval_loss", "%.5f"), ("margin", "eval_rewards/margins", "%+.4f"),
            ("accuracy", "eval_rewards/accuracies", "%.3f"), ("KL", "eval_kl", "%.4f"),
            ("agreement", "eval_teacher_agreement", "%.3f"), ("entropy", "eval_entropy", "%.3f"),
            ("token accuracy", "eval_mean_token_accuracy", "%.3f"),
        ] {
            if let value = report[name] { parts.append("\(label) " + String(format: format, value)) }
        }
        try Console.write(parts.joined(separator: "  "))
    }

    private func finish(_ result: RunResult) throws(Failure) {
        let memory = String(format: "%.2f GiB", Double(result.peakMemoryByteCount) / 1_073_741_824)
        try Console.write("")
        try Console.write(
            "finished    \(result.steps) steps in \(Console.duration(result.seconds)), peak memory \(memory) over all ranks")
        for line in RunTable(metricsFile: directory + "/metrics.jsonl").lines { try Console.write(line) }
        try Console.write("")
        if let folder = result.exportFolder { try Console.write("model       \(folder)") }
        try Console.write("metrics     \(directory)/metrics.jsonl")
    }

    static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    /// Writes a line to standard output without buffering, also if it is no terminal.
    ///
    /// - Throws: `Failure` (input/output), for instance if the output goes to a file on a full disk.
    public static func write(_ line: String, terminator: String = "\n") throws(Failure) {
        do { try FileHandle.standardOutput.write(contentsOf: Data((line + terminator).utf8)) } catch {
            // If the launcher is gone, the watchdog soon ends this rank with a better message.
            if errno == EPIPE { Thread.sleep(forTimeInterval: 3) }
            throw .unwritable("standard output", error, remedy: "Check the free space of the disk to which it goes.")
        }
    }

    /// Writes a note to standard error.
    public static func writeNote(_ text: String) { writeError("tandem: note: \(text)") }

    /// Writes a line to standard error. A failure is ignored, because no output is left to report it.
    public static func writeError(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }
}
