import ArgumentParser
import Datasets
import Files
import Foundation
import Reporting
import Settings

extension RecordKind: ExpressibleByArgument {}
extension Truncation: ExpressibleByArgument {}
extension EmptyPrompt: ExpressibleByArgument {}

struct Prepare: OneProcessCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks records, tokenises text, and stores them as a dataset.",
        discussion: """
            Records are JSONL objects. With --tokenizer: preference pairs (prompt, chosen, rejected: texts or lists of \
            messages), chats (messages; the loss counts the assistant's turns) or texts (text, with optional \
            loss_masking_spans). Without: token ids (prompt_ids, chosen_ids, rejected_ids; or input_ids with an optional \
            loss_mask or labels). docs/data.md has an example of each. It also lists the fields that are refused because they \
            would change the meaning of a record.
            """)

    @Option(parsing: .upToNextOption, help: "JSONL files, read in this order.", transform: expandedPath)
    var input: [String]

    @Option(help: "The dataset to write (.h5).", transform: expandedPath)
    var output: String

    @Option(help: "A Hugging Face folder with the tokenizer and chat template, for records of text.", transform: expandedPath)
    var tokenizer: String?

    @Option(help: "The kind of the records. Default: detected from the fields of the first record.")
    var kind: RecordKind?

    @Option(
        help: ArgumentHelp(
            "Read NAME (prompt, chosen, text, ...) from FIELD of the records. May be repeated.", valueName: "NAME=FIELD"))
    var field: [String] = []

    @Option(
        help: ArgumentHelp(
            "Ignore FIELD in records and messages, whatever it means. May be repeated.", valueName: "FIELD"))
    var ignoreField: [String] = []

    @Option(help: "Maximum number of tokens in a sequence of a record, prompt and completion together.")
    var maxLength: Int?

    @Option(
        help: """
            How to treat longer records: shorten the prompt (chats lose whole exchanges, the oldest first), drop the record, \
            or refuse the whole input.
            """)
    var truncation: Truncation = .prompt

    @Option(help: "How to treat a pair without any prompt token: refuse the whole input, or drop the record.")
    var emptyPrompt: EmptyPrompt = .refuse

    @Option(help: "Fraction of the records for a validation file beside the output.")
    var validation: Double?

    @Flag(help: "Replace the file at --output even if it is no dataset.")
    var overwrite = false

    func run() throws {
        var reporter = PrepareProgressLine()
        let request = PrepareRequest(
            inputs: input, output: output, kind: kind, tokenizer: tokenizer, fields: try fields(),
            ignoredFields: Set(ignoreField), maximumLength: maxLength, truncation: truncation, emptyPrompt: emptyPrompt,
            validationFraction: validation)
        try request.check()
        try OutputPath.check(request.outputFiles, against: request.inputFiles, overwriting: overwrite)
        let summary = try prepare(request) { reporter.show($0) }
        for line in lines(of: summary) { try Console.write(line) }
    }

    private func fields() throws(Failure) -> [String: String] {
        var fields: [String: String] = [:]
        for choice in field {
            let parts = choice.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw Failure(
                    "--field \(choice)", "is not NAME=FIELD", remedy: "Give prompt=question, for instance.",
                    exitCode: .usage)
            }
            guard fields.updateValue(parts[1], forKey: parts[0]) == nil else {
                throw Failure(
                    "--field \(choice)", "'\(parts[0])' has a field already", remedy: "Give only one field for each name.",
                    exitCode: .usage)
            }
        }
        return fields
    }

    // MARK: The summary

    private func lines(of summary: PrepareSummary) -> [String] {
        var lines = [summary.training, summary.validation].compactMap { $0 }.map { file in
            "\(file.path): \(file.records) \(summary.kind.rawValue) records, \(file.tokens) tokens "
                + "(\(file.sequenceTokens) as whole sequences), lengths \(file.lengths.minimum) to \(file.lengths.maximum), median \(file.lengths.median)"
        }
        for loss in Shortening.allCases {
            guard let count = summary.shortened[loss] else { continue }
            lines.append("\(losses(loss, of: summary.kind)) of \(count) records")
        }
        if summary.movedBoundaries > 0 {
            lines.append(
                "moved the boundary of \(summary.movedBoundaries) records: a token spans the end of the prompt, and the "
                    + "completion starts with this token")
        }
        if summary.lostCharacters > 0 {
            lines.append(
                "left out characters of \(summary.lostCharacters) records: the tokenizer has no tokens for them")
        }
        for (reason, count) in summary.dropped.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("dropped \(count) records: \(reason.rawValue)")
        }
        return lines + histogram(summary.training.histogram)
    }

    private func losses(_ loss: Shortening, of kind: RecordKind) -> String {
        switch loss {
        case .beginning: kind == .preference ? "shortened the prompt" : "shortened the beginning"
        case .exchanges: "left out the oldest exchanges"
        case .systemTurn: "left out the system turn"
        }
    }

    private func histogram(_ bars: [LengthBar]) -> [String] {
        let labels = bars.map { "\($0.lengths.lowerBound)-\($0.lengths.upperBound)" }
        let width = labels.map(\.count).max() ?? 0
        let most = bars.map(\.count).max() ?? 1
        return ["length in tokens, records"]
            + zip(bars, labels).map { bar, label in
                // A bar with records has at least one mark.
                let length = bar.count == 0 ? 0 : max(1, bar.count * 40 / most)
                let label = String(repeating: " ", count: width - label.count) + label
                return "  \(label) | \(String(repeating: "#", count: length))\(length == 0 ? "" : " ")\(bar.count)"
            }
    }
}

/// Shows a line with the time left every two seconds. A preparation of less than two seconds shows no line.
private struct PrepareProgressLine {
    private let started = Date()
    private var nextAt = Date().addingTimeInterval(2)

    mutating func show(_ progress: PrepareProgress) {
        guard Date() >= nextAt, progress.bytesRead > 0 else { return }
        nextAt = Date().addingTimeInterval(2)
        let share = Double(progress.bytesRead) / Double(max(progress.totalBytes, 1))
        let left = Date().timeIntervalSince(started) * (1 - share) / share
        try? Console.write("read \(progress.linesRead) records, \(Int(share * 100)) %, \(Int(left.rounded())) s left")
    }
}
