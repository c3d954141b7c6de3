import ArgumentParser
import Datasets
import Foundation
import Reporting
import Settings

extension DatasetKind: ExpressibleByArgument {}
extension Truncation: ExpressibleByArgument {}

struct Prepare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks records and stores them as a dataset.",
        discussion: "Records are JSONL objects of token ids: prompt_ids, chosen_ids, rejected_ids; or input_ids with an optional loss_mask.")

    @Option(parsing: .upToNextOption, help: "JSONL files, read in this order.")
    var input: [String]

    @Option(help: "The dataset to write (.h5).")
    var output: String

    @Option(help: "Left out, it is detected from the fields.")
    var kind: DatasetKind?

    @Option(help: "Tokens of the longest sequence of a record, prompt and completion.")
    var maxLength: Int?

    @Option(help: "What happens to longer ones: the prompt's beginning is cut, the record is dropped, or all is refused.")
    var truncation: Truncation = .prompt

    @Option(help: "The share of records that goes to a validation file beside the output.")
    var validation: Double?

    func run() throws {
        var reporter = PrepareProgressLine()
        let summary = try prepare(
            PrepareRequest(
                inputs: input, output: output, kind: kind, maximumLength: maxLength, truncation: truncation,
                validationFraction: validation)
        ) { reporter.show($0) }
        for file in [summary.training, summary.validation].compactMap({ $0 }) {
            try Console.write(
                "\(file.path): \(file.records) \(summary.kind.rawValue) records, \(file.tokens) tokens "
                    + "(\(file.sequenceTokens) as whole sequences), lengths \(file.lengths.minimum) to \(file.lengths.maximum), median \(file.lengths.median)")
        }
        if summary.truncated > 0 { try Console.write("shortened the prompt of \(summary.truncated) records") }
        for (reason, count) in summary.dropped.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            try Console.write("dropped \(count) records: \(reason.rawValue)")
        }
    }
}

/// A line every two seconds of a long preparation, with the time left; a short one shows none.
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
