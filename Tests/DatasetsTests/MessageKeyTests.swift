import Foundation
import Settings
import Testing

@testable import Datasets

private typealias Bytes = ByteTokenizer

/// What other trainers write into a message beside role and content.
@Suite("Keys of messages") struct MessageKeyTests {
    let folder: TemporaryFolder
    let output: String

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func request(_ line: String, template: String? = chatMLTemplate) throws -> PrepareRequest {
        let tokenizer = try Bytes.write(to: folder, template: template)
        let input = try folder.write(line + "\n", to: "in.jsonl")
        return PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer)
    }

    private func message(_ role: String, _ content: String, _ more: String = "") -> String {
        #"{"role": "\#(role)", "content": "\#(content)"\#(more)}"#
    }

    private func chat(_ messages: String...) -> String { #"{"messages": [\#(messages.joined(separator: ", "))]}"# }

    private func pair(prompt: String, chosen: String, rejected: String) -> String {
        #"{"prompt": [\#(prompt)], "chosen": [\#(chosen)], "rejected": [\#(rejected)]}"#
    }

    private func refusal(_ line: String) throws -> Failure {
        try failureOfPreparing(request(line))
    }

    // MARK: What can't be rendered

    private static let unrenderedKeys = [
        #""tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]"#,
        #""function_call": {"name": "f", "arguments": "{}"}"#, #""tool_call_id": "call_1""#,
        #""tools": [{"name": "f"}]"#, #""reasoning_content": "Let me see.""#, #""thinking": "Hm.""#, #""reasoning": "Hm.""#,
        #""refusal": "I can't.""#, #""images": ["a.png"]"#, #""audio": {"id": "a"}"#, #""prefix": true"#,
        #""train_detail": [{"begin_offset": 0, "end_offset": 1, "train": false}]"#,
    ]

    @Test("what the templates would leave out of a message is refused by name, in chats and pairs", arguments: unrenderedKeys)
    func unrendered(_ key: String) throws {
        let name = String(try #require(key.firstMatch(of: /"([a-z_]+)"/)).1)
        let answer = message("assistant", "y", ", \(key)")
        let lines = [
            chat(message("user", "Q"), answer),
            pair(prompt: message("user", "Q"), chosen: message("assistant", "y"), rejected: answer),
            pair(
                prompt: [message("user", "P"), answer, message("user", "Q")].joined(separator: ", "),
                chosen: message("assistant", "y"), rejected: message("assistant", "n")),
        ]
        for line in lines {
            let failure = try refusal(line)
            #expect(failure.exitCode == .damagedData && failure.place == "\(folder.file("in.jsonl")):1")
            #expect(failure.reason.contains("has \(name), which can't be prepared yet"), "\(failure)")
            var ignoring = try request(line)
            ignoring.ignoredFields = [name]
            // The pair differs in nothing else.
            if line == lines[1] {
                #expect(try failureOfPreparing(ignoring).reason.contains("1 chosen and rejected identical"))
            } else {
                #expect(try prepare(ignoring).training.records == 1)
            }
        }
    }

    @Test("content that is null or missing beside a call of a tool is not the line's fault")
    func nullContent() throws {
        let call = #""tool_calls": [{"function": {"name": "f"}}]"#
        for answer in [
            #"{"role": "assistant", "content": null, \#(call)}"#, #"{\#(call), "content": null, "role": "assistant"}"#,
            #"{"role": "assistant", \#(call)}"#,
        ] {
            let failure = try refusal(chat(message("user", "Q"), answer))
            #expect(failure.reason == "messages[1] has tool_calls, which can't be prepared yet")
            #expect(!failure.remedy.contains("Correct the line"))
        }
    }

    @Test("a tool's answer is refused with advice that does not make it somebody else's")
    func toolRole() throws {
        let failure = try refusal(chat(message("user", "Q"), message("tool", "3", #", "tool_call_id": "c""#)))
        #expect(failure.description.contains("tool") && !failure.remedy.contains("user"), "\(failure)")
    }

    @Test("keys that are empty, and keys that mean nothing to a template, are passed over")
    func emptyKeys() throws {
        let plain = try prepare(request(chat(message("user", "Q"), message("assistant", "y"))))
        let expected = try bytes(of: output)
        for key in [
            #""tool_calls": null, "function_call": null, "reasoning_content": null, "weight": null"#,
            #""tool_calls": [], "reasoning_content": "", "tool_call_id": "", "images": [], "refusal": null"#,
            #""tool_calls": [{"function": null, "id": null}], "prefix": false"#,
            #""name": "Ann", "id": 7, "annotations": [], "timestamp": "2024"# + "\"",
        ] {
            #expect(try prepare(request(chat(message("user", "Q", ", \(key)"), message("assistant", "y", ", \(key)")))) == plain)
            #expect(try bytes(of: output) == expected)
        }
    }

    // MARK: Parts

    @Test("a content of one part of text is that text; anything else is refused by its place and type")
    func parts() throws {
        let plain = try prepare(request(chat(message("user", "Q"), message("assistant", "y"))))
        let expected = try bytes(of: output)
        func answer(_ content: String) -> String {
            chat(message("user", "Q"), #"{"role": "assistant", "content": \#(content)}"#)
        }
        #expect(try prepare(request(answer(#"[{"type": "text", "text": "y", "cache_control": null}]"#))) == plain)
        #expect(try bytes(of: output) == expected)
        for (content, says) in [
            (#"[{"type": "image_url", "image_url": {"url": "a"}}]"#, #"messages[1].content[0] is of type "image_url""#),
            (
                #"[{"type": "text", "text": "y"}, {"type": "image"}]"#, #"messages[1].content[1] is of type "image""#
            ), (#"[{"type": "text", "text": "y"}, {"type": "text", "text": "z"}]"#, "messages[1].content has 2 parts"),
            ("[]", "messages[1].content has 0 parts"), (#"["y"]"#, "messages[1].content is a list, not a text"),
            (#"[{"type": "text"}]"#, "messages[1].content[0] has no text"),
            (#"[{"text": "y"}]"#, "messages[1].content[0] has no type"),
        ] {
            #expect(try refusal(answer(content)).reason.contains(says))
        }
    }

    // MARK: What is learnt

    /// The tokens of ChatML for messages, and whether each is of the content or the end of one that is `learnt`.
    private func expected(_ messages: [(role: String, content: String, learnt: Bool)]) -> DatasetRecord {
        var record = DatasetRecord(tokens: [], lossMask: [])
        for (role, content, learnt) in messages {
            let header = [Bytes.start] + Bytes.ids(role + "\n")
            let turn = Bytes.ids(content) + [Bytes.turnEnd]
            record.tokens += header + turn + Bytes.ids("\n")
            record.lossMask! += header.map { _ in false } + turn.map { _ in learnt } + [false]
        }
        return record
    }

    @Test(
        "a message of the assistant that is not to be learnt is read, not learnt, whatever its trainer calls that",
        arguments: [
            (#""weight": 0"#, #""weight": 1"#), (#""weight": 0.0"#, #""weight": 1.0"#), (#""train": false"#, #""train": true"#),
            (#""train_on_turn": false"#, #""weight": null"#), (#""loss": false"#, #""loss": true"#),
            (#""training": 0"#, #""training": 1"#), (#""masked": true"#, #""masked": false"#),
            (#""loss_mask": 0, "weight": 0"#, #""loss_mask": 1"#),
        ])
    func weights(_ keys: (not: String, yes: String)) throws {
        let line = chat(
            message("system", "B", ", \(keys.not)"), message("user", "q"), message("assistant", "one", ", \(keys.not)"),
            message("user", "r", ", \(keys.not)"), message("assistant", "two", ", \(keys.yes)"),
            message("assistant", "three"))
        try prepare(request(line))
        let known = expected([
            ("system", "B", false), ("user", "q", false), ("assistant", "one", false), ("user", "r", false),
            ("assistant", "two", true), ("assistant", "three", true),
        ])
        #expect(try DatasetFile(path: output).record(0) == known)
    }

    @Test("without a template the end of sequence after an unlearnt last message is not learnt either")
    func plainEnd() throws {
        let line = chat(
            message("user", "q"), message("assistant", "y"), message("user", "r"), message("assistant", "z", #", "weight": 0"#))
        try prepare(request(line, template: nil))
        let record = try DatasetFile(path: output).record(0)
        #expect(
            record
                == DatasetRecord(tokens: Bytes.ids("qyrz") + [Bytes.end], lossMask: [false, true, false, false, false]))
    }

    @Test("a chat of which nothing is learnt is dropped and counted")
    func nothingLearnt() throws {
        let none = chat(message("user", "q"), message("assistant", "y", #", "weight": 0"#))
        let some = chat(message("user", "q"), message("assistant", "y"))
        #expect(try prepare(request(none + "\n" + some)).dropped == [.nothingCounted: 1])
    }

    @Test("weights between 0 and 1, contradictions, and weights of what is never learnt are refused")
    func badWeights() throws {
        for (key, says) in [
            (#""weight": 0.5"#, "messages[1].weight is 0.5, and only 0 and 1"),
            (#""weight": 2"#, "messages[1].weight is 2,"), (#""weight": -1"#, "messages[1].weight is -1,"),
            (#""weight": "0""#, "messages[1].weight is \"0\","), (#""weight": [0]"#, "messages[1].weight is [0],"),
            (#""train": "no""#, "messages[1].train is \"no\","),
            (#""weight": 0, "train": true"#, "contradict each other"),
            (#""masked": true, "weight": 1"#, "contradict each other"),
        ] {
            let failure = try refusal(chat(message("user", "q"), message("assistant", "y", ", \(key)")))
            #expect(failure.reason.contains(says), "\(failure)")
        }
        for role in ["user", "system"] {
            let failure = try refusal(chat(message(role, "q", #", "weight": 1"#), message("assistant", "y")))
            #expect(failure.reason.contains("messages[0].weight is 1, but only messages of the assistant"), "\(failure)")
        }
    }

    @Test("in a pair a completion counts as a whole: another weight is refused; in its prompt 0 says what holds anyway")
    func weightsInPairs() throws {
        let answered = [message("user", "p"), message("assistant", "a", #", "weight": 0"#), message("user", "q")]
            .joined(separator: ", ")
        let yes = message("assistant", "y", #", "weight": 1"#)
        #expect(
            try prepare(request(pair(prompt: answered, chosen: yes, rejected: message("assistant", "n")))).training.records == 1)
        let failure = try refusal(pair(prompt: answered, chosen: yes, rejected: message("assistant", "n", #", "weight": 0"#)))
        #expect(failure.reason.contains("rejected[0].weight is 0, but every message of a completion is learnt"), "\(failure)")
        let inside = pair(
            prompt: message("user", "q"),
            chosen: [message("assistant", "y"), message("user", "r", #", "train": false"#), message("assistant", "z")]
                .joined(separator: ", "),
            rejected: message("assistant", "n"))
        #expect(try refusal(inside).reason.contains("chosen[1].train is false"))
    }
}
