import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// What `prepare` is given that is no option's value, no file, or no record of text alone.
    @Suite("What prepare honours, and what it refuses by name") struct PrepareOptionTests {
        private static func command(_ more: String...) -> [String] {
            ["prepare", "--input", "records.jsonl", "--output", "new.h5"] + more
        }

        static let refusals = [
            Refusal(
                "a negative length", exit: Exit.usage, says: ["--max-length -5", "Give 2 or more"],
                arguments: command("--max-length", "-5")),
            Refusal(
                "a negative share", exit: Exit.usage, says: ["--validation -0.1", "between 0 and 1"],
                arguments: command("--validation", "-0.1")),
            Refusal(
                "a share that is no number", exit: Exit.usage, says: ["--validation nan"], arguments: command("--validation=nan")),
            Refusal(
                "an infinite share", exit: Exit.usage, says: ["--validation -inf"], arguments: command("--validation", "-inf")),
            Refusal(
                "a choice that does not exist", exit: Exit.usage, says: ["maybe", "refuse", "drop"],
                arguments: command("--empty-prompt", "maybe")),
            Refusal(
                "a negative number of tokens to generate", exit: Exit.usage, says: ["--max-new-tokens", "at least 1"],
                arguments: ["generate", "--checkpoint", "policy", "--prompt", "a", "--max-new-tokens", "-5"]),
            Refusal(
                "a part of every message that is to be ignored", exit: Exit.usage, says: ["--ignore-field content"],
                arguments: command("--ignore-field", "content")),
            Refusal(
                "a record with weights of its own", exit: Exit.damagedData,
                says: ["records.jsonl:2: ", "has weight", "--ignore-field weight"], arguments: command()
            ) {
                try $0.folder.write(
                    """
                    {"input_ids": [1, 2]}
                    {"input_ids": [1, 2], "weight": 0.5}

                    """, to: "records.jsonl")
            },
            Refusal(
                "a call of a tool", exit: Exit.damagedData, says: ["records.jsonl:1: ", "messages[1] has tool_calls"],
                arguments: command("--tokenizer", "tokenizer")
            ) {
                try $0.folder.write(
                    """
                    {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": null, \
                    "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]}]}

                    """, to: "records.jsonl")
                try FileManager.default.copyItem(atPath: quickstartTokenizer, toPath: $0.file("tokenizer"))
            },
            Refusal(
                "pairs that are all alike, under a maximum length", exit: Exit.damagedData,
                says: ["1 chosen and rejected identical", "Give pairs whose completions differ."],
                arguments: command("--max-length", "8")
            ) {
                try $0.folder.write(#"{"prompt_ids": [1], "chosen_ids": [2], "rejected_ids": [2]}"#, to: "records.jsonl")
            },
            Refusal(
                "a file that the kernel makes up", exit: Exit.damagedData, says: ["/proc/self/mem", "file"],
                arguments: ["prepare", "--input", "/proc/self/mem", "--output", "new.h5"]),
            Refusal(
                "a device", exit: Exit.damagedData, says: ["/dev/zero", "device"],
                arguments: ["prepare", "--input", "records.jsonl", "/dev/zero", "--output", "new.h5"]),
        ]

        @Test("what can't be honoured is told in one line and leaves no file", arguments: PrepareOptionTests.refusals)
        func refused(_ refusal: Refusal) throws {
            let workspace = try Workspace()
            try workspace.folder.write(#"{"input_ids": [1, 2]}"# + "\n", to: "records.jsonl")
            try refusal.check(in: workspace, ranks: [nil])
        }

        @Test("a pipe that nobody writes to is refused, not waited for")
        func pipe() throws {
            let workspace = try Workspace()
            let result = try workspace.shell(
                #"mkfifo pipe.jsonl; exec timeout 20 "$TANDEM" prepare --input pipe.jsonl --output new.h5"#)
            #expect(result.exitCode == Exit.damagedData && result.causeLines.count == 1, "\(result.errorOutput)")
            #expect(result.errorOutput.contains("pipe.jsonl: is a pipe") && !workspace.exists("new.h5"))
        }

        @Test("what a chat loses, what is masked, and what is dropped as asked is in the summary, each with its count")
        func summary() throws {
            let workspace = try Workspace()
            try FileManager.default.copyItem(atPath: quickstartTokenizer, toPath: workspace.file("tokenizer"))
            func message(_ role: String, _ content: String) -> String { #"{"role": "\#(role)", "content": "\#(content)"}"# }
            func pair(_ prompt: String...) -> String {
                #"{"prompt": [\#(prompt.joined(separator: ", "))], "chosen": [\#(message("assistant", " yes"))], "rejected": [\#(message("assistant", " no"))]}"#
            }
            let long = String(repeating: " owl", count: 40)
            let lines = [
                pair(message("user", "What"), message("assistant", long), message("user", "Who?")),
                pair(message("system", long), message("user", long), message("assistant", "So."), message("user", "Who?")),
                pair(message("user", "Who?")), pair(message("user", "")),
            ]
            // A byte order mark is no part of the first record.
            try workspace.folder.write("\u{FEFF}" + lines.map { $0 + "\n" }.joined(), to: "records.jsonl")
            let result = try workspace.tandem(
                Self.command("--tokenizer", "tokenizer", "--max-length", "30", "--empty-prompt", "drop"))
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let output = result.output.split(separator: "\n")
            #expect(output.contains { $0.contains("3 preference records") })
            for line in [
                "left out the oldest exchanges of 2 records", "left out the system turn of 1 records",
                "dropped 1 records: empty prompt",
            ] {
                #expect(output.contains { $0 == line }, "\(result.output)")
            }
        }
    }
}
