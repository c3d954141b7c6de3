import Foundation
import Settings
import Testing

@testable import Datasets

private typealias Bytes = ByteTokenizer

/// Under `--truncation prompt`: what a record loses that is too long, and what it keeps.
@Suite("Records that are shortened") struct ShorteningTests {
    let folder: TemporaryFolder
    let output: String

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func request(_ lines: [String], _ tokenizer: String?, maximum: Int?) throws -> PrepareRequest {
        let input = try folder.write(lines.map { $0 + "\n" }.joined(), to: "in.jsonl")
        return PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer, maximumLength: maximum)
    }

    private func message(_ role: String, _ content: String) -> String { #"{"role": "\#(role)", "content": "\#(content)"}"# }

    private func list(_ messages: [(String, String)]) -> String {
        "[\(messages.map { message($0.0, $0.1) }.joined(separator: ", "))]"
    }

    /// Every message of ChatML: a start, the role and a line end, the content, an end and a line end.
    private func rendered(_ messages: [(String, String)]) -> [Int32] {
        messages.flatMap { role, content in
            [Bytes.start] + Bytes.ids("\(role)\n\(content)") + [Bytes.turnEnd] + Bytes.ids("\n")
        }
    }

    private let generation = [Bytes.start] + Bytes.ids("assistant\n")

    private func pair(_ prompt: [(String, String)]) -> String {
        #"{"prompt": \#(list(prompt)), "chosen": \#(list([("assistant", "yes")])), "rejected": \#(list([("assistant", "n")]))}"#
    }

    // MARK: Pairs of messages

    private let long = [
        ("system", "B"), ("user", "one"), ("assistant", "uno"), ("user", "two"), ("assistant", "dos"), ("user", "Q"),
    ]

    /// Tokens of the prompt with the longer completion, "yes" with its end and line end.
    private func length(_ prompt: [(String, String)]) -> Int { rendered(prompt).count + generation.count + 5 }

    @Test("a prompt of messages loses its oldest whole exchanges, as few as make room, and keeps the system's turn")
    func exchanges() throws {
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        let shorter = [long[0]] + long[3...]
        let shortest = [long[0], long[5]]
        for (maximum, prompt, lost) in [
            (length(long), long, 0), (length(long) - 1, shorter, 1), (length(shorter), shorter, 1),
            (length(shorter) - 1, shortest, 1), (length(shortest), shortest, 1),
        ] {
            let summary = try prepare(request([pair(long)], tokenizer, maximum: maximum))
            let record = try DatasetFile(path: output).record(0)
            #expect(record.prompt == rendered(prompt) + generation)
            #expect(record.chosen == Bytes.ids("yes") + [Bytes.turnEnd] + Bytes.ids("\n"))
            #expect(record.rejected == Bytes.ids("n") + [Bytes.turnEnd] + Bytes.ids("\n"))
            #expect(summary.truncated == lost && summary.shortened == (lost == 0 ? [:] : [.exchanges: 1]))
        }
    }

    @Test("the system's turn goes last, and a prompt whose last exchange is too long is dropped, never cut")
    func systemTurn() throws {
        // This ChatML has no system prompt of its own, which would take the turn's place.
        let bare =
            "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
        let tokenizer = try Bytes.write(to: folder, template: bare)
        let maximum = length([long[0], long[5]]) - 1
        let summary = try prepare(request([pair(long), pair([long[0], long[5]])], tokenizer, maximum: maximum))
        let file = try DatasetFile(path: output)
        for index in 0..<2 { #expect(try file.record(index).prompt == rendered([long[5]]) + generation) }
        #expect(summary.shortened == [.exchanges: 1, .systemTurn: 2] && summary.truncated == 2)

        let least = length([long[5]])
        #expect(try prepare(request([pair(long)], tokenizer, maximum: least)).truncated == 1)
        let failure = try failureOfPreparing(request([pair(long)], tokenizer, maximum: least - 1))
        #expect(failure.reason.contains("1 too long") && failure.remedy.contains("--max-length"), "\(failure)")
    }

    @Test("where the template has a system prompt of its own, that stands in the place of one that was left out")
    func defaultSystem() throws {
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        let system = ("system", "Be very brief.")
        let withDefault = [("system", "S"), long[5]]
        let summary = try prepare(request([pair([system] + long[1...])], tokenizer, maximum: length(withDefault)))
        #expect(try DatasetFile(path: output).record(0).prompt == rendered(withDefault) + generation)
        #expect(summary.shortened == [.exchanges: 1, .systemTurn: 1])
    }

    @Test("several messages of one speaker belong to one exchange, and one of the system to the exchange it begins")
    func groups() throws {
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        let prompt = [
            ("system", "B"), ("assistant", "hello"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"),
            ("system", "E"), ("user", "f"), ("assistant", "g"), ("user", "h"), ("user", "i"),
        ]
        for count in [2, 6, 9] {
            let kept = [prompt[0]] + prompt[count...]
            let summary = try prepare(request([pair(prompt)], tokenizer, maximum: length(kept)))
            #expect(try DatasetFile(path: output).record(0).prompt == rendered(kept) + generation, "\(count)")
            #expect(summary.shortened == [.exchanges: 1])
        }
    }

    @Test("a prompt inside the chats is shortened like one beside them")
    func promptInside() throws {
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        let line = #"{"chosen": \#(list(long + [("assistant", "yes")])), "rejected": \#(list(long + [("assistant", "n")]))}"#
        let kept = [long[0], long[5]]
        try prepare(request([line], tokenizer, maximum: length(kept)))
        #expect(try DatasetFile(path: output).record(0).prompt == rendered(kept) + generation)
    }

    @Test("drop and refuse shorten nothing")
    func otherChoices() throws {
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        var request = try request([pair([long[5]]), pair(long)], tokenizer, maximum: length(long) - 1)
        request.truncation = .drop
        let summary = try prepare(request)
        #expect(summary.dropped == [.tooLong: 1] && summary.truncated == 0)
        request.truncation = .refuse
        #expect(try failureOfPreparing(request).place == "\(folder.file("in.jsonl")):2")
    }

    /// Llama 3 begins every chat with its beginning of sequence, and its headers are several tokens.
    @Test("under Llama 3's template a shortened prompt is what the shorter chat gives, the beginning of sequence first")
    func llama() throws {
        let tokenizer = try fixtureTokenizer("llama3", template: "llama3", beginning: "<|begin_of_text|>")
        try prepare(request([pair([long[0]] + long[3...])], tokenizer, maximum: nil))
        let expected = try DatasetFile(path: output).record(0)
        let length = expected.prompt.count + max(expected.chosen.count, expected.rejected.count)
        let summary = try prepare(request([pair(long)], tokenizer, maximum: length))
        #expect(try DatasetFile(path: output).record(0) == expected)
        #expect(summary.shortened == [.exchanges: 1])
        #expect(expected.prompt.first == (try RecordEncoder(folder: tokenizer)).tokenizer.id(of: "<|begin_of_text|>"))
    }

    /// A Hugging Face folder of a small tokenizer and a template, both from the fixtures.
    private func fixtureTokenizer(_ name: String, template: String, beginning: String) throws -> String {
        struct Chats: Decodable { let templates: [String: String] }
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/tokenizers")
        func data(_ name: String) throws -> Data { try Data(contentsOf: fixtures.appendingPathComponent(name)) }
        let chats = try JSONDecoder().decode(Chats.self, from: data("chats.json"))
        try FileManager.default.createDirectory(atPath: folder.file("hf"), withIntermediateDirectories: true)
        try folder.write(data("\(name).json"), to: "hf/tokenizer.json")
        try folder.write(
            #"{"bos_token": "\#(beginning)", "eos_token": "<|end_of_text|>"}"#, to: "hf/tokenizer_config.json")
        try folder.write(try #require(chats.templates[template]), to: "hf/chat_template.jinja")
        return folder.file("hf")
    }

    @Test("a chat of thousands of exchanges is shortened as fast as a short one", .timeLimit(.minutes(1)))
    func manyExchanges() throws {
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        let chat = (0..<3_000).flatMap { [("user", "q\($0)"), ("assistant", "a\($0)")] } + [("user", "Q")]
        let kept = Array(chat.suffix(201))
        let withDefault = [("system", "S")] + kept
        try prepare(request([pair(chat)], tokenizer, maximum: length(withDefault)))
        #expect(try DatasetFile(path: output).record(0).prompt == rendered(withDefault) + generation)
    }

    // MARK: Chats

    @Test("a chat loses its oldest whole exchanges while one that is learnt stays; its system turn goes last")
    func chats() throws {
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        let chat = long + [("assistant", "tres"), ("user", "bye")]
        let line = #"{"messages": \#(list(chat))}"#
        for (kept, lost) in [
            (chat, nil), ([chat[0]] + chat[3...], .exchanges), ([chat[0]] + chat[5...], .exchanges),
        ] as [([(String, String)], Shortening?)] {
            let summary = try prepare(request([line], tokenizer, maximum: rendered(kept).count))
            let record = try DatasetFile(path: output).record(0)
            #expect(record.tokens == rendered(kept))
            let learnt = kept.filter { $0.0 == "assistant" }.flatMap { Bytes.ids($0.1) + [Bytes.turnEnd] }
            #expect(zip(record.tokens, record.lossMask!).filter(\.1).map(\.0) == learnt)
            #expect(summary.shortened == (lost.map { [$0: 1] } ?? [:]))
        }
        // One less, and the answer would have to go: the template's own system prompt is as long as this one.
        let least = rendered([chat[0]] + chat[5...]).count
        let failure = try failureOfPreparing(request([line], tokenizer, maximum: least - 1))
        #expect(failure.reason.contains("1 too long"), "\(failure)")
    }

    @Test("an exchange whose answer is not learnt is no reason to keep a chat")
    func unlearntEnd() throws {
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        let first = "\(message("user", "one")), \(message("assistant", "uno"))"
        let last = #"\#(message("user", "two")), {"role": "assistant", "content": "dos", "weight": 0}"#
        let whole = rendered([("system", "S"), ("user", "one"), ("assistant", "uno"), ("user", "two"), ("assistant", "dos")])
        let failure = try failureOfPreparing(request([#"{"messages": [\#(first), \#(last)]}"#], tokenizer, maximum: whole.count - 1))
        #expect(failure.reason.contains("1 too long"), "\(failure)")
    }

    // MARK: Texts and ids

    @Test("a prompt of text keeps its beginning of sequence and one token of its own at least")
    func beginning() throws {
        let tokenizer = try Bytes.write(to: folder, begins: true)
        let line = #"{"prompt": "12345", "chosen": "y", "rejected": "n"}"#
        // The beginning, the prompt, the completion and its end: 8 tokens.
        for (maximum, prompt) in [(8, "12345"), (7, "2345"), (4, "5")] {
            let summary = try prepare(request([line], tokenizer, maximum: maximum))
            #expect(try DatasetFile(path: output).record(0).prompt == [Bytes.beginning] + Bytes.ids(prompt))
            #expect(summary.shortened == (maximum == 8 ? [:] : [.beginning: 1]))
        }
        #expect(throws: Failure.self) { try prepare(request([line], tokenizer, maximum: 3)) }
    }

    @Test("a text keeps its beginning of sequence, and the token that predicts the first counted one")
    func texts() throws {
        let tokenizer = try Bytes.write(to: folder, begins: true)
        let line = #"{"text": "12345", "loss_masking_spans": [[0, 4]]}"#
        for (maximum, text) in [(7, "12345"), (6, "2345"), (4, "45")] {
            try prepare(request([line], tokenizer, maximum: maximum))
            let record = try DatasetFile(path: output).record(0)
            #expect(record.tokens == [Bytes.beginning] + Bytes.ids(text) + [Bytes.end])
            #expect(record.lossMask?.suffix(2) == [true, true])
        }
        #expect(throws: Failure.self) { try prepare(request([line], tokenizer, maximum: 3)) }
    }

    @Test(
        "ids keep the beginning of sequence of a tokenizer that is named, put there by it or by a template; without one they are cut")
    func ids() throws {
        let putThere = try Bytes.write(to: folder, name: "puts", begins: true)
        let named = try Bytes.write(to: folder, name: "names")
        try folder.write(#"{"eos_token": "<|end|>", "bos_token": {"content": "<|begin|>"}}"#, to: "names/tokenizer_config.json")
        let neither = try Bytes.write(to: folder, name: "neither")
        let (begin, chosen) = (Bytes.beginning, [Int32](arrayLiteral: 7, 8))
        for (tokenizer, kept) in [(putThere, [begin, 5]), (named, [begin, 5]), (neither, [4, 5]), (nil, [4, 5])] as [(String?, [Int32])] {
            let pair = DatasetRecord(prompt: [begin, 3, 4, 5], chosen: chosen, rejected: [9])
            try prepare(request([line(pair)], tokenizer, maximum: 4))
            #expect(try DatasetFile(path: output).record(0).prompt == kept)
            let text = #"{"input_ids": [\#(begin), 3, 4, 5, 6], "loss_mask": [0, 0, 0, 0, 1]}"#
            try prepare(request([text], tokenizer, maximum: 3))
            #expect(try DatasetFile(path: output).record(0).tokens == kept + [6])
        }
        let other = DatasetRecord(prompt: [2, 3, 4, 5], chosen: chosen, rejected: [9])
        try prepare(request([line(other)], putThere, maximum: 4))
        #expect(try DatasetFile(path: output).record(0).prompt == [4, 5])
    }
}
