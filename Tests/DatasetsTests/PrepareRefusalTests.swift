import Foundation
import Settings
import Testing

@testable import Datasets

/// One bad line, and what its message must say.
struct BadLine: Sendable, CustomTestStringConvertible {
    let line: String
    let says: String
    var testDescription: String { line.isEmpty ? "an empty line" : line }

    init(_ line: String, _ says: String) {
        self.line = line
        self.says = says
    }

    static let all = [
        BadLine("", "empty"),
        BadLine("   ", "empty"),
        BadLine("\r", "empty"),
        BadLine("nonsense", "not a JSON object"),
        BadLine("[1, 2]", "not a JSON object"),
        BadLine("3", "not a JSON object"),
        BadLine("\u{FEFF}{}", "not a JSON object"),
        BadLine("{", "malformed JSON"),
        BadLine(#"{"prompt_ids": [1, 2], "chosen_ids": [3"#, "malformed JSON"),
        BadLine(#"{"prompt_ids": [1, 2,], "chosen_ids": [3], "rejected_ids": [4]}"#, "not a whole number"),
        BadLine(#"{"prompt_ids": [1 2], "chosen_ids": [3], "rejected_ids": [4]}"#, "malformed JSON"),
        BadLine(#"{"prompt_ids": [01], "chosen_ids": [3], "rejected_ids": [4]}"#, "starts with 0"),
        BadLine(#"{"prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [4]} x"#, "follows the object"),
        BadLine(#"{"prompt_ids": [1] "chosen_ids": [3], "rejected_ids": [4]}"#, "malformed JSON"),
        BadLine(#"{prompt_ids: [1], "chosen_ids": [3], "rejected_ids": [4]}"#, "malformed JSON"),
        BadLine(#"{"a": "\x", "prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [4]}"#, "bad escape"),
        BadLine(#"{"a": nul, "prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [4]}"#, "unknown word"),
        BadLine(#"{"a": 1., "prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [4]}"#, "malformed JSON"),
        BadLine(#"{"a": \#(String(repeating: "[", count: 100_000))"#, "nested"),
        BadLine(#"{"prompt_ids": [1], "prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [4]}"#, "twice"),
        BadLine(#"{"prompt_ids": [1.0], "chosen_ids": [3], "rejected_ids": [4]}"#, "1.0, not a whole number"),
        BadLine(#"{"prompt_ids": [1e2], "chosen_ids": [3], "rejected_ids": [4]}"#, "1e2, not a whole number"),
        BadLine(#"{"prompt_ids": [-1], "chosen_ids": [3], "rejected_ids": [4]}"#, "-1, a negative number"),
        BadLine(#"{"prompt_ids": [2147483648], "chosen_ids": [3], "rejected_ids": [4]}"#, "2147483648, above"),
        BadLine(
            #"{"prompt_ids": [99999999999999999999999999], "chosen_ids": [3], "rejected_ids": [4]}"#,
            "above 2147483647"),
        BadLine(#"{"prompt_ids": ["1"], "chosen_ids": [3], "rejected_ids": [4]}"#, "not a whole number"),
        BadLine(#"{"prompt_ids": [true], "chosen_ids": [3], "rejected_ids": [4]}"#, "not a whole number"),
        BadLine(#"{"prompt_ids": [[1]], "chosen_ids": [3], "rejected_ids": [4]}"#, "not a whole number"),
        BadLine(#"{"prompt_ids": "1 2", "chosen_ids": [3], "rejected_ids": [4]}"#, "prompt_ids is not a list"),
        BadLine(#"{"prompt_ids": 5, "chosen_ids": [3], "rejected_ids": [4]}"#, "prompt_ids is not a list"),
        BadLine(#"{"prompt_ids": [], "chosen_ids": [3], "rejected_ids": [4]}"#, "prompt_ids is empty"),
        BadLine(#"{"prompt_ids": [1], "chosen_ids": [], "rejected_ids": [4]}"#, "chosen_ids is empty"),
        BadLine(#"{"prompt_ids": [1], "chosen_ids": [3], "rejected_ids": []}"#, "rejected_ids is empty"),
        BadLine(#"{"prompt_ids": [1], "rejected_ids": [4]}"#, "chosen_ids is missing"),
        BadLine(#"{"prompt_ids": [1], "chosen_ids": null, "rejected_ids": [4]}"#, "chosen_ids is missing"),
        BadLine(#"{"prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [4], "input_ids": [5]}"#, "and input_ids"),
        BadLine(#"{"prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [4], "loss_mask": [1]}"#, "loss_mask"),
        BadLine(#"{"input_ids": [1, 2]}"#, "text record among preference records"),
        BadLine("{}", "no token ids"),
        BadLine(#"{"id": 3}"#, "no token ids"),
        BadLine(#"{"prompt": "a", "chosen": "b", "rejected": "c"}"#, "has text (prompt, chosen, rejected) among records of token ids"),
        BadLine(#"{"messages": []}"#, "chat record among preference records"),
    ]
}

@Suite struct PrepareRefusalTests {
    let folder: TemporaryFolder
    let output: String
    private let good = #"{"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [4]}"#

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func refusal(_ request: PrepareRequest) throws -> Failure {
        try failure { () throws(Failure) in try prepare(request) }
    }

    @Test("a bad line is named with its file and number, and an earlier output stays", arguments: BadLine.all)
    func badLine(_ bad: BadLine) throws {
        try folder.write("earlier", to: "out.h5")
        let input = try folder.write("\(good)\n\(good)\n\(bad.line)\n\(good)\n", to: "in.jsonl")
        let failure = try refusal(PrepareRequest(inputs: [input], output: output))
        #expect(failure.exitCode == .damagedData)
        #expect(failure.place == "\(input):3")
        #expect(failure.reason.contains(bad.says), "\(failure)")
        #expect(!failure.description.contains("\n"))
        #expect(try folder.names == ["in.jsonl", "out.h5"])
        #expect(try bytes(of: output) == Data("earlier".utf8))
    }

    @Test("a bad mask is named", arguments: ["[1]", "[1, 0, 1]", "[1, 2]", "[1, 0.5]", #""10""#])
    func badMask(_ mask: String) throws {
        let input = try folder.write(#"{"input_ids": [1, 2], "loss_mask": \#(mask)}"#, to: "in.jsonl")
        let failure = try refusal(PrepareRequest(inputs: [input], output: output))
        #expect(failure.exitCode == .damagedData && failure.place == "\(input):1")
        #expect(failure.reason.contains("loss_mask"), "\(failure)")
    }

    @Test("text that is not UTF-8 is refused with its line")
    func notUnicode() throws {
        var data = Data(good.utf8) + Data("\n{\"a\": \"".utf8) + Data([0xC3, 0x28])
        data += Data(#"", "prompt_ids": [1], "chosen_ids": [3], "rejected_ids": [4]}"#.utf8)
        let input = try folder.write(data, to: "in.jsonl")
        let failure = try refusal(PrepareRequest(inputs: [input], output: output))
        #expect(failure.place == "\(input):2" && failure.reason.contains("UTF-8"))
    }

    @Test("a file that ends with a blank line is refused with that line")
    func blankEnd() throws {
        let input = try folder.write("\(good)\n\n", to: "in.jsonl")
        let failure = try refusal(PrepareRequest(inputs: [input], output: output))
        #expect(failure.exitCode == .damagedData && failure.place == "\(input):2")
    }

    @Test("a record of another kind than asked for is refused with its line")
    func otherKind() throws {
        let input = try folder.write(good, to: "in.jsonl")
        let failure = try refusal(PrepareRequest(inputs: [input], output: output, kind: .text))
        #expect(failure.place == "\(input):1" && failure.reason.contains("text records are asked for"))
    }

    @Test("an empty input is refused, alone and among others")
    func emptyInput() throws {
        let empty = try folder.write("", to: "empty.jsonl")
        let filled = try folder.write(good, to: "in.jsonl")
        for inputs in [[empty], [filled, empty]] {
            let failure = try refusal(PrepareRequest(inputs: inputs, output: output))
            #expect(failure.exitCode == .damagedData && failure.place == empty)
        }
        #expect(try folder.names == ["empty.jsonl", "in.jsonl"])
    }

    @Test("an input of which every record is dropped is refused with the reasons")
    func everythingDropped() throws {
        let input = try folder.write(
            #"{"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [3]}"# + "\n" + good, to: "in.jsonl")
        let failure = try refusal(
            PrepareRequest(inputs: [input], output: output, maximumLength: 2, truncation: .drop))
        #expect(failure.exitCode == .damagedData && failure.place == input)
        #expect(failure.reason.contains("1 too long, 1 chosen and rejected identical"), "\(failure)")
        #expect(try folder.names == ["in.jsonl"])
    }

    @Test("missing inputs and output folders are missing input; a folder as input is damaged data")
    func missing() throws {
        let input = try folder.write(good, to: "in.jsonl")
        let absent = folder.file("absent.jsonl")
        let noInput = try refusal(PrepareRequest(inputs: [input, absent], output: output))
        #expect(noInput.exitCode == .missingInput && noInput.place == absent)
        let inAbsentFolder = folder.file("absent/out.h5")
        let noFolder = try refusal(PrepareRequest(inputs: [input], output: inAbsentFolder))
        #expect(noFolder.exitCode == .missingInput && noFolder.place == inAbsentFolder)
        let isFolder = try refusal(PrepareRequest(inputs: [folder.path], output: output))
        #expect(isFolder.exitCode == .damagedData && isFolder.place == folder.path)
        let ontoFolder = try refusal(PrepareRequest(inputs: [input], output: folder.path))
        #expect(ontoFolder.exitCode == .inputOutput && ontoFolder.place == folder.path)
    }

    @Test("an output that is an input by any name is refused and the input stays")
    func outputIsInput() throws {
        let input = try folder.write(good, to: "in.jsonl")
        let link = folder.file("link.h5")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: input)
        let validationInput = try folder.write(good, to: "out-validation.h5")
        for request in [
            PrepareRequest(inputs: [input], output: input), PrepareRequest(inputs: [input], output: link),
            PrepareRequest(inputs: [validationInput], output: output, validationFraction: 0.5),
        ] {
            #expect(try refusal(request).exitCode == .usage)
        }
        #expect(try bytes(of: input) == Data(good.utf8))
    }

    @Test("a request that makes no sense is a usage error")
    func badRequests() throws {
        let input = try folder.write(good, to: "in.jsonl")
        #expect(try refusal(PrepareRequest(inputs: [], output: output)).exitCode == .usage)
        #expect(try refusal(PrepareRequest(inputs: [input], output: output, maximumLength: 1)).exitCode == .usage)
        for fraction in [0, 1, -0.5, .nan, .infinity] {
            let request = PrepareRequest(inputs: [input], output: output, validationFraction: fraction)
            #expect(try refusal(request).exitCode == .usage, "\(fraction)")
        }
    }

    @Test("a line longer than any record is refused before it fills the memory")
    func endlessLine() throws {
        let input = try folder.write(String(repeating: " ", count: 3 << 20), to: "in.jsonl")
        let failure = try failure { () throws(Failure) in
            var reader = try LineReader(path: input, longestLine: 1 << 20)
            while try reader.next() != nil {}
        }
        #expect(failure.exitCode == .damagedData && failure.place == "\(input):1")
    }

    @Test("lines that straddle the reader's blocks come out whole")
    func straddlingLines() throws {
        let lines = (0..<5).map { String(repeating: "\($0)", count: 700_000 + $0) }
        let input = try folder.write(lines.joined(separator: "\n"), to: "in.jsonl")
        var reader = try LineReader(path: input)
        for (index, expected) in lines.enumerated() {
            #expect(try reader.next().map { String(decoding: $0, as: UTF8.self) } == expected)
            #expect(reader.lineNumber == index + 1)
        }
        #expect(try reader.next() == nil)
    }
}
