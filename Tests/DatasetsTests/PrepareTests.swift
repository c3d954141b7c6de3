import Foundation
import Settings
import Testing

@testable import Datasets

@Suite struct PrepareTests {
    let folder: TemporaryFolder
    let output: String

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func write(_ lines: [String]) throws -> String {
        try folder.write(lines.map { $0 + "\n" }.joined(), to: "in.jsonl")
    }

    @Test("pairs are stored as they are, counted and measured")
    func pairs() throws {
        let pairs = samplePairs(9)
        let summary = try prepare(PrepareRequest(inputs: [try write(pairs.map(line))], output: output))
        let file = try DatasetFile(path: output)
        for index in pairs.indices { #expect(try file.record(index) == pairs[index]) }
        #expect(summary.kind == .preference && summary.validation == nil)
        #expect(summary.training.path == output && summary.training.records == 9)
        #expect(summary.training.tokens == file.tokenCount)
        #expect(summary.training.sequenceTokens == (0..<9).reduce(0) { $0 + file.sequenceTokenCount(of: $1) })
        // Longest sequences: 5 7 9 11 13 10 12 7 9, sorted 5 7 7 9 9 10 11 12 13.
        #expect(summary.training.lengths == LengthFigures(minimum: 5, median: 9, maximum: 13))
        #expect(summary.droppedCount == 0 && summary.truncated == 0)
        #expect(try folder.names == ["in.jsonl", "out.h5"])
    }

    @Test("texts keep their masks; other fields, spaces, and a last line without newline are fine")
    func texts() throws {
        let lines = [
            #"{"id": {"a": [1.5e3, null, "x\u00e9\"]"]}, "text": "tout à fait", "input_ids": [1, 2, 3]}"#,
            #"  { "input_ids" : [ 4 ,5, 2147483647 ] , "loss_mask" : [0, 1, true] } "# + "\r",
            #"{"input_ids":[0,9],"loss_mask":null,"score":-0.5}"#,
        ]
        let input = try folder.write(lines.joined(separator: "\n"), to: "in.jsonl")
        let summary = try prepare(PrepareRequest(inputs: [input], output: output))
        #expect(summary.kind == .text && summary.training.records == 3 && summary.training.tokens == 8)
        let file = try DatasetFile(path: output)
        #expect(try file.record(0) == DatasetRecord(tokens: [1, 2, 3], lossMask: [true, true, true]))
        #expect(try file.record(1) == DatasetRecord(tokens: [4, 5, .max], lossMask: [false, true, true]))
        #expect(try file.record(2).tokens == [0, 9])
        #expect(file.tokenRange == 0...Int32.max)
    }

    @Test("several inputs are read in order, progress counts all of their lines and bytes")
    func severalInputs() throws {
        let pairs = samplePairs(5000)
        let first = try folder.write(pairs[..<4000].map { line($0) + "\n" }.joined(), to: "1.jsonl")
        let second = try folder.write(pairs[4000...].map { line($0) + "\n" }.joined(), to: "2.jsonl")
        let totalBytes = try bytes(of: first).count + bytes(of: second).count
        var seen: [PrepareProgress] = []
        try prepare(PrepareRequest(inputs: [first, second], output: output)) { seen.append($0) }
        let file = try DatasetFile(path: output)
        for index in [0, 3999, 4000, 4999] { #expect(try file.record(index) == pairs[index]) }
        #expect(seen.last == PrepareProgress(linesRead: 5000, bytesRead: totalBytes, totalBytes: totalBytes))
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.bytesRead <= $1.bytesRead && $0.linesRead <= $1.linesRead })
    }

    // MARK: Lengths

    private let long = DatasetRecord(prompt: [1, 2, 3, 4, 5], chosen: [6, 7], rejected: [8, 9, 10])

    @Test("a long pair loses its prompt's beginning, never a completion's token")
    func cutPrompt() throws {
        let input = try write([line(long)])
        for (maximum, prompt) in [(8, [1, 2, 3, 4, 5]), (7, [2, 3, 4, 5]), (4, [5])] as [(Int, [Int32])] {
            let summary = try prepare(PrepareRequest(inputs: [input], output: output, maximumLength: maximum))
            let kept = try DatasetFile(path: output).record(0)
            #expect(kept == DatasetRecord(prompt: prompt, chosen: long.chosen, rejected: long.rejected))
            #expect(summary.truncated == (maximum == 8 ? 0 : 1))
            #expect(summary.training.lengths.maximum == maximum)
        }
    }

    @Test("a pair whose completion leaves no room for a prompt token is dropped and counted")
    func noRoom() throws {
        let input = try write([line(long), line(DatasetRecord(prompt: [1], chosen: [2], rejected: [3]))])
        let summary = try prepare(PrepareRequest(inputs: [input], output: output, maximumLength: 3))
        #expect(summary.dropped == [.tooLong: 1] && summary.droppedCount == 1)
        #expect(summary.training.records == 1 && summary.truncated == 0)
    }

    @Test("under drop a long pair is dropped and counted, under refuse its line is named")
    func dropOrRefuse() throws {
        let input = try write([line(DatasetRecord(prompt: [1], chosen: [2], rejected: [3])), line(long)])
        var request = PrepareRequest(inputs: [input], output: output, maximumLength: 7, truncation: .drop)
        #expect(try prepare(request).dropped == [.tooLong: 1])
        request.truncation = .refuse
        let failure = try failure { () throws(Failure) in try prepare(request) }
        #expect(failure.exitCode == .damagedData && failure.place == "\(input):2")
        #expect(failure.reason.contains("8 tokens") && failure.reason.contains("maximum of 7"))
        request.maximumLength = 8
        #expect(try prepare(request).training.records == 2)
    }

    @Test("a long text loses uncounted tokens of its beginning, or is dropped")
    func longText() throws {
        let input = try write([
            #"{"input_ids": [1, 2, 3, 4, 5], "loss_mask": [0, 0, 0, 1, 1]}"#, #"{"input_ids": [1, 2, 3, 4]}"#,
        ])
        let summary = try prepare(PrepareRequest(inputs: [input], output: output, maximumLength: 3))
        #expect(summary.dropped == [.tooLong: 1] && summary.truncated == 1)
        #expect(
            try DatasetFile(path: output).record(0) == DatasetRecord(tokens: [3, 4, 5], lossMask: [false, true, true]))
        let failure = try failure { () throws(Failure) in
            try prepare(PrepareRequest(inputs: [input], output: output, maximumLength: 2))
        }
        #expect(failure.exitCode == .damagedData && failure.reason.contains("2 too long"))
    }

    @Test("identical completions, and texts that count nothing, are dropped and counted")
    func nothingToLearn() throws {
        let same = DatasetRecord(prompt: [1], chosen: [2, 3], rejected: [2, 3])
        let pairs = try prepare(PrepareRequest(inputs: [try write([line(same), line(long)])], output: output))
        #expect(pairs.dropped == [.identical: 1] && pairs.training.records == 1)
        let lines = [
            #"{"input_ids": [1]}"#, #"{"input_ids": [1, 2], "loss_mask": [1, 0]}"#, #"{"input_ids": [1, 2]}"#,
        ]
        let texts = try prepare(PrepareRequest(inputs: [try write(lines)], output: output))
        #expect(texts.dropped == [.nothingCounted: 2] && texts.training.records == 1)
    }

    // MARK: Validation

    @Test("validation takes about its fraction, the same records each time, and nothing is lost")
    func validation() throws {
        let pairs = samplePairs(600)
        let request = PrepareRequest(inputs: [try write(pairs.map(line))], output: output, validationFraction: 0.25)
        let summary = try prepare(request)
        let validation = try #require(summary.validation)
        #expect(validation.path == folder.file("out-validation.h5"))
        // Mean 150, standard deviation 10.6: five of them.
        #expect(abs(validation.records - 150) < 53)
        var firsts: [Int32] = []
        for path in [summary.training.path, validation.path] {
            let file = try DatasetFile(path: path)
            for index in 0..<file.recordCount { firsts.append(try file.record(index).prompt[0]) }
        }
        #expect(firsts.sorted() == pairs.map { $0.prompt[0] })
        let before = try bytes(of: validation.path)
        #expect(try prepare(request) == summary)
        #expect(try bytes(of: validation.path) == before)
    }

    @Test("the validation file's name goes by the output's")
    func validationName() {
        func name(_ output: String) -> String { PrepareRequest(inputs: [], output: output).validationOutput }
        #expect(name("data/pairs.h5") == "data/pairs-validation.h5")
        #expect(name("pairs.h5") == "pairs-validation.h5")
        #expect(name("/pairs") == "/pairs-validation")
        #expect(name("a.b/pairs.v2.h5") == "a.b/pairs.v2-validation.h5")
    }

    @Test("a fraction that leaves one side without records is refused, and no file appears")
    func emptySide() throws {
        let request = PrepareRequest(inputs: [try write([line(long)])], output: output, validationFraction: 0.5)
        #expect(try failure { () throws(Failure) in try prepare(request) }.exitCode == .damagedData)
        #expect(try folder.names == ["in.jsonl"])
    }
}
