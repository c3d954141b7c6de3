import Foundation
import Runs
import Settings

/// A run as a person follows it, with the time that is left.
///
/// On a terminal one line stays up to date; elsewhere (a file, a pipe, mpirun's output) steps are plain lines, one a second
/// at most: `metrics.jsonl` has every step.
public final class Console: EventListener {
    private let isLive: Bool
    private var totalSteps = 0
    private var directory = ""
    /// When the last step was shown, and the one that was passed over since.
    private var shownAt = Date.distantPast
    private var hidden: String?
    /// When the first step of this process ended, and which it was.
    private var firstStep: (end: Date, number: Int)?

    /// What a person types to go on with a run that was stopped.
    private let resumeCommand: String

    /// - Parameters:
    ///   - isLive: standard output is a terminal that a person looks at. Under mpirun it never is: ranks write to mpirun,
    ///     which may give them a terminal of its own.
    ///   - resumeCommand: what a person types to go on with a run that was stopped.
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
            let verb = isSaved ? "it goes on with" : "it begins again with"
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
            // Back to the line's beginning, and clear it.
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

    /// Ends a live line, or shows the step that was passed over, before anything else is written.
    private func settle() throws(Failure) {
        if let hidden { try Console.write(hidden) }
        hidden = nil
    }

    /// From the pace since the first step's end: the first one also touches all memory.
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

    /// Writes a line to standard output at once, whether or not it is a terminal.
    ///
    /// - Throws: `Failure` (input/output): a full disk, where the output goes to a file.
    public static func write(_ line: String, terminator: String = "\n") throws(Failure) {
        do { try FileHandle.standardOutput.write(contentsOf: Data((line + terminator).utf8)) } catch {
            // A launcher that is gone ends this rank in a moment, with better words.
            if errno == EPIPE { Thread.sleep(forTimeInterval: 3) }
            throw .unwritable("standard output", error, remedy: "Check the free space where it goes.")
        }
    }

    /// Something to know besides what a command prints, on standard error.
    public static func writeNote(_ text: String) { writeError("tandem: note: \(text)") }

    /// The same to standard error; where that fails nobody can be told.
    public static func writeError(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }
}
