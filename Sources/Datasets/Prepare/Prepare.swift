import Files
import Foundation
import Settings
import Tensors
import Tokenization

/// Checks JSONL records, tokenises text, and stores the records as a dataset file, in bounded memory, on all cores.
///
/// If anything fails, no file appears and an earlier output stays as it was.
///
/// - Parameter progress: called every few megabytes and at the end.
/// - Throws: `Failure`: damaged data with `FILE:LINE` for the first bad record; missing input; configuration for a
///   tokenizer or template that is not supported; usage for options that contradict each other or have a bad value;
///   input/output if the disk fails.
@discardableResult
public func prepare(
    _ request: PrepareRequest, progress: (PrepareProgress) -> Void = { _ in }
) throws(Failure) -> PrepareSummary {
    try request.check()
    let preparation = try Preparation(request)
    try preparation.readInputs(progress)
    return try preparation.commit()
}

extension PrepareRequest {
    /// Checks the options, the output's folder and the status of the input files, before any record is read.
    ///
    /// - Throws: `Failure`: usage for bad options; missing input or damaged data for a folder or an input file.
    public func check() throws(Failure) {
        guard !inputs.isEmpty else {
            throw Failure("--input", "no input file", remedy: "Name at least one JSONL file.", exitCode: .usage)
        }
        if let maximumLength, maximumLength < 2 {
            throw Failure(
                "--max-length \(maximumLength)", "leaves no room for a token and its prediction",
                remedy: "Give 2 or more.", exitCode: .usage)
        }
        if let validationFraction, !(validationFraction > 0 && validationFraction < 1) {
            throw Failure(
                "--validation \(validationFraction)", "is not a fraction between 0 and 1",
                remedy: "Give 0.05 for every twentieth record, for instance.", exitCode: .usage)
        }
        _ = try fieldNames()
        guard FileStatus(folder(of: output))?.isFolder == true else {
            throw .missing(
                output, "its folder \(folder(of: output)) does not exist", remedy: "Create the folder first.")
        }
        let outputs = validationFraction == nil ? [output] : [output, validationOutput]
        for input in inputs {
            let source = try LineReader.checkedStatus(of: input)
            for output in outputs where FileStatus(output)?.isSameFile(as: source) == true {
                throw Failure(
                    output, "is one of the inputs too", remedy: "Name another file for --output.", exitCode: .usage)
            }
        }
    }
}

extension PrepareRequest {
    /// - Throws: `Failure` (usage) for an unknown name, or for one field given for two names.
    fileprivate func fieldNames() throws(Failure) -> FieldNames {
        var choices: [FieldName: String] = [:]
        for (key, source) in fields.sorted(by: { $0.key < $1.key }) {
            guard let name = FieldName(rawValue: key) else {
                let known = FieldName.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(
                    "--field \(key)=\(source)", "'\(key)' is not the name of a known field",
                    remedy: "Use one of: \(known).", exitCode: .usage)
            }
            if let other = choices.first(where: { $0.value == source }) {
                throw Failure(
                    "--field \(key)=\(source)", "'\(source)' is given for \(other.key.rawValue) already",
                    remedy: "Name a field once.", exitCode: .usage)
            }
            choices[name] = source
        }
        for field in ignoredFields.sorted() {
            if let name = choices.first(where: { $0.value == field })?.key {
                throw Failure(
                    "--ignore-field \(field)", "'\(field)' is given for \(name.rawValue)", remedy: "Choose one of the two.",
                    exitCode: .usage)
            }
            guard field != "role", field != "content" else {
                throw Failure(
                    "--ignore-field \(field)", "is a part of every message", remedy: "Name another field.", exitCode: .usage)
            }
        }
        return FieldNames(choices: choices, ignored: ignoredFields)
    }
}

/// One preparation in progress.
private final class Preparation {
    private let request: PrepareRequest
    private let names: FieldNames
    private let encoder: RecordEncoder?
    private let rules: LengthRules
    /// Created from the first line.
    private var judge: LineJudge?
    private var outputs: PreparedOutputs?
    private var dropped: [DropReason: Int] = [:]
    private var truncated = 0
    private var shortened: [Shortening: Int] = [:]
    private var movedBoundaries = 0
    private var lostCharacters = 0
    private var lineCount = 0

    init(_ request: PrepareRequest) throws(Failure) {
        self.request = request
        names = try request.fieldNames()
        encoder = if let folder = request.tokenizer { try RecordEncoder(folder: folder) } else { nil }
        rules = LengthRules(maximumLength: request.maximumLength, truncation: request.truncation)
    }

    func readInputs(_ progress: (PrepareProgress) -> Void) throws(Failure) {
        let totalBytes = request.inputs.reduce(0) { $0 + (FileStatus($1)?.byteCount ?? 0) }
        var bytesBefore = 0
        for input in request.inputs {
            var reader = try LineReader(path: input)
            while true {
                let batch = LineBatch(from: &reader, path: input)
                if batch.isEmpty, batch.readFailure == nil { break }
                try add(batch)
                progress(.init(linesRead: lineCount, bytesRead: bytesBefore + reader.bytesRead, totalBytes: totalBytes))
            }
            guard reader.lineNumber > 0 else {
                throw .damaged(input, "is empty", remedy: "Give a JSONL file with at least one record.")
            }
            bytesBefore += reader.bytesRead
        }
        progress(.init(linesRead: lineCount, bytesRead: bytesBefore, totalBytes: totalBytes))
    }

    func commit() throws(Failure) -> PrepareSummary {
        guard let outputs, outputs.training.writer.recordCount + (outputs.validation?.writer.recordCount ?? 0) > 0
        else { throw everythingDropped() }
        try checkSplit(outputs)
        // The work that is likely to fail comes before the first file appears.
        try outputs.training.writer.finish()
        try outputs.validation?.writer.finish()
        try outputs.validation?.writer.publish()
        try outputs.training.writer.publish()
        return PrepareSummary(
            kind: outputs.kind, training: outputs.training.summary, validation: outputs.validation?.summary,
            dropped: dropped, truncated: truncated, shortened: shortened, movedBoundaries: movedBoundaries,
            lostCharacters: lostCharacters)
    }

    // MARK: Lines

    private func add(_ batch: LineBatch) throws(Failure) {
        guard !batch.isEmpty else { throw batch.readFailure! }
        let judge = try judge(for: batch)
        let (lines, failure) = batch.judged(by: judge)
        // A batch with a bad line needs no writing: no file will appear.
        if let failure { throw failure }
        if outputs == nil {
            outputs = try PreparedOutputs(request, kind: judge.form.kind, tokenizer: encoder?.tokenizer.identity)
        }
        for line in lines {
            switch line {
            case .dropped(let reason): dropped[reason, default: 0] += 1
            case .kept(let encoded, let lost):
                truncated += lost.isEmpty ? 0 : 1
                for loss in lost { shortened[loss, default: 0] += 1 }
                movedBoundaries += encoded.movedBoundary ? 1 : 0
                lostCharacters += encoded.losesCharacters ? 1 : 0
                try outputs!.append(encoded.record, line: lineCount)
            }
            lineCount += 1
        }
    }

    private func judge(for batch: LineBatch) throws(Failure) -> LineJudge {
        if let judge { return judge }
        do throws(RecordError) {
            let made = try LineJudge(
                firstLine: batch.first, names: names, encoder: encoder, rules: rules,
                emptyPrompt: request.emptyPrompt, asked: request.kind)
            judge = made
            return made
        } catch {
            throw error.failure(at: batch.place(of: 0))
        }
    }

    // MARK: Refusals of the whole preparation

    private func everythingDropped() -> Failure {
        let reasons = DropReason.allCases.filter { dropped[$0] != nil }
        let counts = reasons.map { "\(dropped[$0]!) \($0.rawValue)" }.joined(separator: ", ")
        let advice = reasons.map { $0.remedy(kind: judge?.form.kind, truncation: request.truncation) }
            .joined(separator: "; ")
        return .damaged(
            request.inputs.joined(separator: ", "), "no record is left: all \(lineCount) were dropped (\(counts))",
            remedy: advice.prefix(1).uppercased() + advice.dropFirst() + ".")
    }

    private func checkSplit(_ outputs: PreparedOutputs) throws(Failure) {
        guard let validation = outputs.validation, let fraction = request.validationFraction else { return }
        let counts = (outputs.training.writer.recordCount, validation.writer.recordCount)
        guard counts.0 == 0 || counts.1 == 0 else { return }
        throw .damaged(
            request.inputs.joined(separator: ", "),
            "--validation \(fraction) of \(counts.0 + counts.1) records leaves "
                + "\(counts.0) for training and \(counts.1) for validation",
            remedy: "Choose another fraction, or give more records.")
    }
}

/// The output files of one preparation. Decides which record goes into which file.
private struct PreparedOutputs {
    let kind: RecordKind
    var training: PreparedOutput
    var validation: PreparedOutput?
    private let fraction: Double

    init(_ request: PrepareRequest, kind: RecordKind, tokenizer: TokenizerIdentity?) throws(Failure) {
        self.kind = kind
        fraction = request.validationFraction ?? 0
        training = try PreparedOutput(path: request.output, kind: kind.datasetKind, tokenizer: tokenizer)
        if request.validationFraction != nil {
            validation = try PreparedOutput(
                path: request.validationOutput, kind: kind.datasetKind, tokenizer: tokenizer)
        }
    }

    /// - Parameter line: the line's number over all inputs, from 0. The split depends on it alone, so that another maximum
    ///   length doesn't move a record from training to validation or back.
    mutating func append(_ record: DatasetRecord, line: Int) throws(Failure) {
        var random = KeyedRandom(key: RandomPurpose.validationSplit, UInt64(line))
        if validation != nil, random.nextUnit() <= fraction {
            try validation!.append(record)
        } else {
            try training.append(record)
        }
    }
}

/// One dataset in progress, with the figures for its summary.
private struct PreparedOutput {
    let writer: DatasetWriter
    private var sequenceTokens = 0
    /// The number of records by the tokens of their longest sequence: gives the median in bounded memory.
    private var countByLength: [Int: Int] = [:]

    init(path: String, kind: DatasetKind, tokenizer: TokenizerIdentity?) throws(Failure) {
        writer = try DatasetWriter(path: path, kind: kind, tokenizer: tokenizer)
    }

    mutating func append(_ record: DatasetRecord) throws(Failure) {
        try writer.append(record)
        sequenceTokens += record.lengths.sequences
        countByLength[record.lengths.longest, default: 0] += 1
    }

    /// The figures of the file. It must have at least one record.
    var summary: PreparedFile {
        let lengths = countByLength.keys.sorted()
        var below = 0
        let median = lengths.first { length in
            below += countByLength[length]!
            return 2 * below >= writer.recordCount
        }
        return PreparedFile(
            path: writer.path, records: writer.recordCount, tokens: writer.tokenCount, sequenceTokens: sequenceTokens,
            lengths: LengthFigures(minimum: lengths.first!, median: median!, maximum: lengths.last!),
            histogram: LengthBar.histogram(countByLength))
    }
}
