import Foundation
import Settings
import Testing

@testable import Datasets

/// One line that can't be tokenised, among lines that can.
struct BadText: Sendable, CustomTestStringConvertible {
    let good: String
    let bad: String
    let says: String
    var testDescription: String { "\(says): \(bad.prefix(80))" }

    static let pair = #"{"prompt": "Q", "chosen": "y", "rejected": "n"}"#
    static let chats = """
        {"prompt": [{"role": "user", "content": "Q"}], "chosen": [{"role": "assistant", "content": "y"}], \
        "rejected": [{"role": "assistant", "content": "n"}]}
        """
    static let chat = #"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "y"}]}"#
    static let text = #"{"text": "T"}"#

    private static func pair(_ bad: String, _ says: String) -> BadText { BadText(good: pair, bad: bad, says: says) }
    private static func chat(_ messages: String, _ says: String) -> BadText {
        BadText(good: chat, bad: #"{"messages": \#(messages)}"#, says: says)
    }
    private static func text(_ bad: String, _ says: String) -> BadText { BadText(good: text, bad: bad, says: says) }

    static let all = [
        pair(#"{"prompt": "Q", "chosen": "y"}"#, "rejected is missing"),
        pair(#"{"prompt": "Q", "chosen": "y", "rejected": null}"#, "rejected is missing"),
        pair(#"{"chosen": "y", "rejected": "n"}"#, "prompt is missing"),
        pair(#"{"prompt": "Q"}"#, "no completions"),
        pair(#"{"prompt": "", "chosen": "y", "rejected": "n"}"#, "no token of the prompt"),
        pair(#"{"prompt": "Q", "chosen": 3, "rejected": "n"}"#, "chosen is a number, neither a text"),
        pair(#"{"prompt": {}, "chosen": "y", "rejected": "n"}"#, "prompt is an object, neither a text"),
        pair(#"{"prompt": "Q", "chosen": "y", "rejected": [{"role": "assistant", "content": "n"}]}"#, "chosen is a text"),
        pair(#"{"prompt": [{"role": "user", "content": "Q"}], "chosen": "y", "rejected": "n"}"#, "prompt is a list"),
        pair(#"{"prompt": "\ud83d", "chosen": "y", "rejected": "n"}"#, "half of a surrogate pair"),
        pair(#"{"prompt": "\ude00", "chosen": "y", "rejected": "n"}"#, "half of a surrogate pair"),
        pair(#"{"prompt": "\ud83d\u0041", "chosen": "y", "rejected": "n"}"#, "half of a surrogate pair"),
        pair(text, "text record among preference records"),
        pair(chat, "chat record among preference records"),
        pair(#"{"prompt_ids": [1], "chosen_ids": [2], "rejected_ids": [3]}"#, "token ids among records of text"),
        BadText(
            good: #"{"prompt_ids": [1], "chosen_ids": [2], "rejected_ids": [3]}"#, bad: pair,
            says: "has text (prompt, chosen, rejected) among records of token ids"),
        BadText(
            good: #"{"input_ids": [1, 2]}"#, bad: #"{"input_ids": [1, 262]}"#, says: "262 is out of the tokenizer's vocabulary"),
        BadText(
            good: #"{"input_ids": [1, 2]}"#, bad: #"{"input_ids": [1, 2], "loss_masking_spans": [[0, 1]]}"#,
            says: "characters of a text"),
        chat("[]", "no messages"),
        chat(#""hello""#, "messages is a text, not a list of messages"),
        chat("{}", "messages is an object, not a list"),
        chat(#"["hello"]"#, "messages[0] is a text, not a message"),
        chat(#"[{"role": "user", "content": "Q"}, {"role": "tool", "content": "y"}]"#, #"messages[1]: the role "tool""#),
        chat(#"[{"role": 1, "content": "Q"}]"#, "messages[0].role is a number, not a text"),
        chat(#"[{"content": "Q"}]"#, "messages[0] has no role"),
        chat(#"[{"role": "user"}]"#, "messages[0] has no content"),
        chat(#"[{"role": "user", "content": null}]"#, "messages[0].content is null, not a text"),
        chat(#"[{"role": "user", "content": ["Q"]}]"#, "messages[0].content is a list, not a text"),
        chat(#"[{"role": "user", "role": "user", "content": "Q"}]"#, "role twice"),
        chat(#"[{"role": "user", "content": "Q"}], "loss_masking_spans": [[0, 1]]"#, "goes with a text"),
        text(#"{"text": ["T"]}"#, "text is a list, not a text"),
        text(#"{"text": true}"#, "text is true or false, not a text"),
        text(#"{"text": "Tab", "loss_masking_spans": [[0, 4]]}"#, "[0, 4], and the text has 3 characters"),
        text(#"{"text": "Tab", "loss_masking_spans": [[2, 1]]}"#, "its end comes first"),
        text(#"{"text": "Tab", "loss_masking_spans": [[1]]}"#, "no [begin, end]"),
        text(#"{"text": "Tab", "loss_masking_spans": [[-1, 2]]}"#, "-1, a negative number"),
        text(#"{"text": "Tab", "loss_masking_spans": [0, 2]}"#, "not a list of [begin, end] pairs"),
        BadText(
            good: chats, bad: #"{"chosen": [{"role": "assistant", "content": "y"}], "rejected": [{"role": "assistant", "content": "n"}]}"#,
            says: "do not begin with the same messages"),
        BadText(
            good: chats,
            bad:
                #"{"prompt": [{"role": "user", "content": "Q"}], "chosen": [{"role": "user", "content": "y"}], "rejected": [{"role": "assistant", "content": "n"}]}"#,
            says: "completion of chosen does not begin and end with a message of the assistant"),
    ]
}

@Suite struct TextRefusalTests {
    let folder: TemporaryFolder
    let output: String

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func refusal(_ request: PrepareRequest) throws -> Failure {
        try failure { () throws(Failure) in try prepare(request) }
    }

    private func refusal(_ lines: String, tokenizer: String?, fields: [String: String] = [:]) throws -> Failure {
        let input = try folder.write(lines, to: "in.jsonl")
        return try refusal(PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer, fields: fields))
    }

    @Test("a record that can't be tokenised is named with its file and line, and no file appears", arguments: BadText.all)
    func badText(_ bad: BadText) throws {
        let tokenizer = try ByteTokenizer.write(to: folder)
        // Far enough from the first line to be in another core's stretch.
        let good = String(repeating: bad.good + "\n", count: 100)
        let failure = try refusal(good + bad.bad + "\n" + good, tokenizer: tokenizer)
        #expect(failure.exitCode == .damagedData && failure.place == "\(folder.file("in.jsonl")):101")
        #expect(failure.reason.contains(bad.says), "\(failure)")
        #expect(!failure.description.contains("\n"))
        #expect(try folder.names == ["in.jsonl", "tokenizer"])
    }

    @Test("of several bad lines the first is named, whichever core finds its own first")
    func firstBadLine() throws {
        let tokenizer = try ByteTokenizer.write(to: folder)
        let long = #"{"text": "\#(String(repeating: "x", count: 100_000))"}"# + "\n"
        let lines = String(repeating: long, count: 10) + "{}\n" + String(repeating: "nonsense\n", count: 200)
        #expect(try refusal(lines, tokenizer: tokenizer).place == "\(folder.file("in.jsonl")):11")
    }

    @Test("text without a tokenizer is refused, and told to give one")
    func noTokenizer() throws {
        for line in [BadText.pair, BadText.chat, BadText.text] {
            let failure = try refusal(line, tokenizer: nil)
            #expect(failure.place == "\(folder.file("in.jsonl")):1" && failure.remedy.contains("--tokenizer"))
            #expect(failure.reason.contains("has text"))
        }
    }

    @Test("a tokenizer that is missing, or none, is refused before the input is read")
    func badTokenizer() throws {
        let missing = try refusal(BadText.text, tokenizer: folder.file("absent"))
        #expect(missing.exitCode == .missingInput && missing.place.contains("absent"))
        try FileManager.default.createDirectory(atPath: folder.file("other"), withIntermediateDirectories: true)
        try folder.write(#"{"model": {"type": "Unigram", "vocab": []}}"#, to: "other/tokenizer.json")
        let unsupported = try refusal(BadText.text, tokenizer: folder.file("other"))
        #expect(unsupported.exitCode == .configuration && unsupported.description.contains("Unigram"), "\(unsupported)")
    }

    @Test("a template that is not known is refused where messages need it, and only there")
    func unknownTemplate() throws {
        let tokenizer = try ByteTokenizer.write(to: folder, template: "{{ messages }}")
        for line in [BadText.chat, BadText.chats] {
            let failure = try refusal(line, tokenizer: tokenizer)
            #expect(failure.exitCode == .configuration && failure.place.contains("chat_template.jinja"), "\(failure)")
        }
        for line in [BadText.pair, BadText.text] {
            let input = try folder.write(line, to: "in.jsonl")
            #expect(
                try prepare(PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer)).training.records == 1)
        }
    }

    @Test("an end of sequence that the tokenizer lacks is refused where it is needed, and only there")
    func unknownEnd() throws {
        let tokenizer = try ByteTokenizer.write(to: folder, template: chatMLTemplate, endToken: "</s>")
        for line in [BadText.pair, BadText.text] {
            let failure = try refusal(line, tokenizer: tokenizer)
            #expect(failure.exitCode == .configuration && failure.reason.contains("</s>"), "\(failure)")
        }
        let input = try folder.write(BadText.chat, to: "in.jsonl")
        #expect(try prepare(PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer)).training.records == 1)
    }

    @Test("an invalid byte in a text is refused with its line")
    func invalidBytes() throws {
        let data = Data("\(BadText.text)\n{\"text\": \"".utf8) + Data([0xFF]) + Data("\"}\n".utf8)
        let input = try folder.write(data, to: "in.jsonl")
        let tokenizer = try ByteTokenizer.write(to: folder)
        let failure = try refusal(PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer))
        #expect(failure.exitCode == .damagedData && failure.place == "\(input):2" && failure.reason.contains("UTF-8"))
    }

    @Test("a line of 100 MB is refused with its number, after a bad line before it")
    func hugeLine() throws {
        let huge = Data("{\"text\": \"".utf8) + Data(repeating: UInt8(ascii: "x"), count: 100_000_000) + Data("\"}".utf8)
        let tokenizer = try ByteTokenizer.write(to: folder)
        for (before, line) in [("\(BadText.text)\n", 2), ("{}\n", 1)] {
            let input = try folder.write(Data(before.utf8) + huge, to: "in.jsonl")
            let failure = try refusal(PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer))
            #expect(failure.exitCode == .damagedData && failure.place == "\(input):\(line)")
            #expect(failure.reason.contains("16 MiB") == (line == 2), "\(failure)")
        }
    }

    @Test("a field choice with an unknown name, or one field for two names, is a usage error")
    func badFields() throws {
        let tokenizer = try ByteTokenizer.write(to: folder)
        for fields in [["question": "prompt"], ["prompt": "q", "chosen": "q"]] {
            let failure = try refusal(BadText.pair, tokenizer: tokenizer, fields: fields)
            #expect(failure.exitCode == .usage && failure.place.hasPrefix("--field"), "\(failure)")
        }
        let absent = try refusal(BadText.pair, tokenizer: tokenizer, fields: ["rejected": "worse"])
        #expect(absent.reason.contains("worse is missing"), "\(absent)")
    }
}
