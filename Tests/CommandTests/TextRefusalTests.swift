import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Texts that can't be prepared") struct TextRefusalTests {
        private static let pair = #"{"prompt": "Q:", "chosen": " yes", "rejected": " no"}"#
        private static let chat = "{\"messages\": [\(message("user", "Q")), \(message("assistant", "A"))]}"
        private static let chats =
            "{\"prompt\": [\(message("user", "Q"))], \"chosen\": [\(message("assistant", "yes"))], "
            + "\"rejected\": [\(message("assistant", "no"))]}"

        private static func message(_ role: String, _ content: String) -> String {
            #"{"role": "\#(role)", "content": "\#(content)"}"#
        }

        private static func changed(_ part: String, to other: String, in line: String = pair) -> String {
            let changed = line.replacingOccurrences(of: part, with: other)
            precondition(changed != line)
            return changed
        }

        /// A line that is refused, after a good one of its kind, and what the message says.
        struct BadLine: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let good: String
            let bad: Data
            let words: [String]

            init(_ description: String, after good: String, _ bad: String, says words: String...) {
                self.init(description, good, Data(bad.utf8), words)
            }

            init(_ description: String, after good: String, _ bad: Data, says words: String...) {
                self.init(description, good, bad, words)
            }

            private init(_ description: String, _ good: String, _ bad: Data, _ words: [String]) {
                testDescription = description
                self.good = good
                self.bad = bad
                self.words = words
            }
        }

        static let lines = [
            BadLine("a cut line", after: pair, String(pair.dropLast(5)), says: "malformed JSON"),
            BadLine("single quotes", after: pair, changed("\"", to: "'"), says: "malformed JSON"),
            BadLine("a comma too many", after: pair, String(pair.dropLast()) + ",}", says: "malformed JSON"),
            BadLine("a line end inside a text", after: pair, changed("Q:", to: "Q\n"), says: "malformed JSON"),
            BadLine("two records on a line", after: pair, pair + pair, says: "follows the object"),
            BadLine("an empty line", after: pair, "", says: "empty"),
            BadLine("a missing field", after: pair, #"{"prompt": "Q:", "chosen": " yes"}"#, says: "rejected is missing"),
            BadLine("a field of another type", after: pair, changed("\" yes\"", to: "1"), says: "chosen is a number"),
            BadLine("an empty prompt", after: pair, changed("Q:", to: ""), says: "no token of the prompt"),
            BadLine("half of a surrogate pair", after: pair, changed("Q:", to: #"\ud83d"#), says: "surrogate"),
            BadLine(
                "a byte that is no UTF-8", after: pair, Data(pair.utf8.prefix(13)) + [0xFF] + Data(pair.utf8.dropFirst(13)),
                says: "UTF-8"),
            BadLine("Latin-1", after: pair, changed("Q:", to: "café").data(using: .isoLatin1)!, says: "UTF-8"),
            BadLine("UTF-16", after: pair, pair.data(using: .utf16LittleEndian)!, says: "malformed JSON"),
            BadLine(
                "an unknown role", after: chat, changed("assistant", to: "bot", in: chat),
                says: "messages[1]", "\"bot\"", "Use system, user or assistant"),
            BadLine("a message without a role", after: chat, #"{"messages": [{"content": "Q"}]}"#, says: "messages[0] has no role"),
            BadLine(
                "a message without content", after: chat, #"{"messages": [{"role": "user"}]}"#,
                says: "messages[0] has no content"),
            BadLine("no messages", after: chat, #"{"messages": []}"#, says: "no messages"),
            BadLine(
                "no messages in the prompt", after: chats, changed(message("user", "Q"), to: "", in: chats),
                says: "no messages"),
            BadLine(
                "a completion of the user", after: chats,
                changed(message("assistant", "no"), to: message("user", "no"), in: chats),
                says: "completion of rejected", "assistant"),
            BadLine(
                "a completion of the system", after: chats,
                changed(message("assistant", "yes"), to: message("system", "yes"), in: chats),
                says: "completion of chosen", "assistant"),
            BadLine(
                "completions without a prompt", after: chats,
                #"{"chosen": [{"role": "assistant", "content": "y"}], "rejected": [{"role": "assistant", "content": "n"}]}"#,
                says: "do not begin with the same messages", "--field prompt"),
            BadLine(
                "a text and messages in one pair", after: pair, changed("[\(message("assistant", "no"))]", to: "\"no\"", in: chats),
                says: "rejected a text"),
            BadLine("a chat among pairs", after: pair, chat, says: "chat record among preference records"),
            BadLine(
                "token ids among texts", after: pair, #"{"prompt_ids": [1], "chosen_ids": [2], "rejected_ids": [3]}"#,
                says: "token ids among"),
        ]

        /// A workspace with the quickstart's tokenizer of 732 tokens.
        private func workspace() throws -> Workspace {
            let workspace = try Workspace()
            try FileManager.default.copyItem(atPath: quickstartTokenizer, toPath: workspace.file("tokenizer"))
            return workspace
        }

        private static let command = ["prepare", "--input", "records.jsonl", "--output", "pairs.h5", "--tokenizer", "tokenizer"]

        @Test("a bad line is named by file and line, and an earlier output stays as it was", arguments: TextRefusalTests.lines)
        func badLine(_ bad: BadLine) throws {
            let refusal = Refusal(
                bad.testDescription, exit: Exit.damagedData, says: ["records.jsonl:2: "] + bad.words, arguments: Self.command
            ) {
                let good = Data("\(bad.good)\n".utf8)
                try $0.write(good + bad.bad + Data("\n".utf8) + good, to: "records.jsonl")
            }
            let workspace = try workspace()
            try refusal.check(in: workspace, ranks: [nil])
            // The good line alone is taken: the refusal is the bad one's.
            try workspace.folder.write(bad.good + "\n", to: "records.jsonl")
            #expect(try workspace.tandem(Self.command).exitCode == 0)
        }

        static let requests = [
            Refusal(
                "a file of nothing but a line end", exit: Exit.damagedData, says: ["records.jsonl:1: ", "empty"], arguments: command
            ) {
                try $0.folder.write("\n", to: "records.jsonl")
            },
            Refusal("an empty file", exit: Exit.damagedData, says: ["records.jsonl", "is empty"], arguments: command) {
                try $0.folder.write("", to: "records.jsonl")
            },
            Refusal(
                "a dataset in place of JSONL", exit: Exit.damagedData, says: ["pairs.h5:1: "],
                arguments: ["prepare", "--input", "pairs.h5", "--output", "new.h5", "--tokenizer", "tokenizer"]),
            Refusal(
                "a folder in place of JSONL", exit: Exit.damagedData, says: ["policy", "is a folder"],
                arguments: ["prepare", "--input", "policy", "--output", "new.h5", "--tokenizer", "tokenizer"]),
            Refusal(
                "texts without a tokenizer", exit: Exit.damagedData, says: ["records.jsonl:1: ", "--tokenizer FOLDER"],
                arguments: ["prepare", "--input", "records.jsonl", "--output", "new.h5"]
            ) { try $0.folder.write(pair, to: "records.jsonl") },
            Refusal(
                "a tokenizer that is not there", exit: Exit.missingInput, says: ["absent"],
                arguments: ["prepare", "--input", "records.jsonl", "--output", "new.h5", "--tokenizer", "absent"]
            ) { try $0.folder.write(pair, to: "records.jsonl") },
            Refusal("a tokenizer that is cut", exit: Exit.damagedData, says: ["tokenizer/tokenizer.json"], arguments: command) {
                try $0.folder.write(pair, to: "records.jsonl")
                try $0.write($0.bytes("tokenizer/tokenizer.json").dropLast(1000), to: "tokenizer/tokenizer.json")
            },
            Refusal(
                "messages for a template that is not known", exit: Exit.configuration, says: ["tokenizer/chat_template.jinja"],
                arguments: command
            ) {
                try $0.folder.write(chat, to: "records.jsonl")
                try $0.folder.write("{{ messages }}", to: "tokenizer/chat_template.jinja")
            },
            Refusal(
                "chats in which nobody answers", exit: Exit.damagedData, says: ["records.jsonl", "no record is left"],
                arguments: command
            ) { try $0.folder.write(#"{"messages": [{"role": "user", "content": "Q"}]}"# + "\n", to: "records.jsonl") },
        ]

        @Test("a preparation that can't succeed is told in one line and leaves no file", arguments: TextRefusalTests.requests)
        func request(_ refusal: Refusal) throws { try refusal.check(in: workspace(), ranks: [nil]) }

        @Test("roles may come in any order, as in the templates: an assistant that begins, a user that speaks twice")
        func anyOrder() throws {
            let workspace = try workspace()
            let (user, assistant) = (Self.message("user", "Q"), Self.message("assistant", "The fox."))
            let chats = ["\(assistant), \(user)", "\(user), \(user), \(assistant)"]
            try workspace.folder.write(chats.map { "{\"messages\": [\($0)]}\n" }.joined(), to: "records.jsonl")
            let result = try workspace.tandem(Self.command)
            #expect(result.exitCode == 0 && result.output.contains("2 chat records"), "\(result.errorOutput)")
        }
    }
}
