import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Records that can't be prepared") struct PrepareRefusalTests {
        private static let good = "{\"prompt_ids\": [1, 2], \"chosen_ids\": [3], \"rejected_ids\": [4]}\n"

        /// A line that is refused, with what its message says; it comes after a good one.
        struct BadLine: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let line: String
            let words: [String]
        }

        static let lines = [
            BadLine(testDescription: "a cut line", line: "{\"prompt_ids\": [1, 2", words: []),
            BadLine(testDescription: "no JSON at all", line: "prompt, chosen, rejected", words: []),
            BadLine(testDescription: "a list in place of an object", line: "[1, 2, 3]", words: []),
            BadLine(
                testDescription: "an empty completion", line: "{\"prompt_ids\": [1], \"chosen_ids\": [], \"rejected_ids\": [4]}",
                words: ["chosen_ids", "empty"]),
            BadLine(
                testDescription: "a missing completion", line: "{\"prompt_ids\": [1], \"chosen_ids\": [3]}",
                words: ["rejected_ids", "missing"]),
            BadLine(
                testDescription: "text without ids", line: "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}",
                words: ["text", "prompt_ids"]),
            BadLine(
                testDescription: "ids that are strings",
                line: "{\"prompt_ids\": [\"1\"], \"chosen_ids\": [3], \"rejected_ids\": [4]}", words: ["prompt_ids"]),
            BadLine(
                testDescription: "ids that are fractions",
                line: "{\"prompt_ids\": [1.5], \"chosen_ids\": [3], \"rejected_ids\": [4]}", words: ["prompt_ids"]),
            BadLine(
                testDescription: "a negative id", line: "{\"prompt_ids\": [-1], \"chosen_ids\": [3], \"rejected_ids\": [4]}",
                words: ["prompt_ids", "-1"]),
            BadLine(
                testDescription: "a number in place of a list", line: "{\"prompt_ids\": 1, \"chosen_ids\": [3], \"rejected_ids\": [4]}",
                words: ["prompt_ids"]),
            BadLine(testDescription: "a text among pairs", line: "{\"input_ids\": [1, 2]}", words: ["text", "preference"]),
        ]

        @Test("a bad line is named by file and line, and an earlier output stays as it was", arguments: PrepareRefusalTests.lines)
        func badLine(_ bad: BadLine) throws {
            let refusal = Refusal(
                bad.testDescription, exit: Exit.damagedData, says: ["records.jsonl:2: "] + bad.words,
                arguments: ["prepare", "--input", "records.jsonl", "--output", "pairs.h5"]
            ) { try $0.folder.write(Self.good + bad.line + "\n" + Self.good, to: "records.jsonl") }
            try refusal.check(in: Workspace(), ranks: [nil])
        }

        static let requests = [
            Refusal(
                "an empty file", exit: Exit.damagedData, says: ["empty.jsonl", "empty"],
                arguments: ["prepare", "--input", "empty.jsonl", "--output", "new.h5"]
            ) { try $0.folder.write("", to: "empty.jsonl") },
            Refusal(
                "a missing file", exit: Exit.missingInput, says: ["absent.jsonl", "Check the path"],
                arguments: ["prepare", "--input", "absent.jsonl", "--output", "new.h5"]),
            Refusal(
                "a second file that is missing", exit: Exit.missingInput, says: ["absent.jsonl"],
                arguments: ["prepare", "--input", "pairs.jsonl", "absent.jsonl", "--output", "new.h5"]),
            Refusal(
                "an output in no folder", exit: Exit.missingInput, says: ["nowhere/new.h5", "Create"],
                arguments: ["prepare", "--input", "pairs.jsonl", "--output", "nowhere/new.h5"]),
            Refusal(
                "an output that is the input", exit: Exit.usage, says: ["pairs.jsonl", "--output"],
                arguments: ["prepare", "--input", "pairs.jsonl", "--output", "pairs.jsonl"]),
            Refusal(
                "records of another kind than asked for", exit: Exit.damagedData, says: ["pairs.jsonl:1: ", "--kind"],
                arguments: ["prepare", "--input", "pairs.jsonl", "--output", "new.h5", "--kind", "text"]),
            Refusal(
                "a kind that does not exist", exit: Exit.usage, says: ["zebra", "preference"],
                arguments: ["prepare", "--input", "pairs.jsonl", "--output", "new.h5", "--kind", "zebra"]),
            Refusal(
                "a record that is too long, refused as asked", exit: Exit.damagedData, says: ["pairs.jsonl:", "--max-length"],
                arguments: [
                    "prepare", "--input", "pairs.jsonl", "--output", "new.h5", "--max-length", "4", "--truncation", "refuse",
                ]),
            Refusal(
                "nothing left after dropping", exit: Exit.damagedData, says: ["pairs.jsonl", "too long", "--max-length"],
                arguments: [
                    "prepare", "--input", "pairs.jsonl", "--output", "new.h5", "--max-length", "2", "--truncation", "drop",
                ]),
            Refusal(
                "a validation share that is none", exit: Exit.usage, says: ["--validation 1.5"],
                arguments: ["prepare", "--input", "pairs.jsonl", "--output", "new.h5", "--validation", "1.5"]),
        ]

        @Test("a preparation that can't succeed is told in one line and leaves no file", arguments: PrepareRefusalTests.requests)
        func request(_ refusal: Refusal) throws { try refusal.check(in: Workspace(), ranks: [nil]) }
    }
}
