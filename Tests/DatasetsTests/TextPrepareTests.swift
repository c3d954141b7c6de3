import Foundation
import Settings
import Testing

@testable import Datasets

private typealias Bytes = ByteTokenizer

@Suite struct TextPrepareTests {
    let folder: TemporaryFolder
    let output: String

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func request(_ lines: [String], _ tokenizer: String) throws -> PrepareRequest {
        let input = try folder.write(lines.map { $0 + "\n" }.joined(), to: "in.jsonl")
        return PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer)
    }

    private func pairs(_ request: PrepareRequest) throws -> (records: [DatasetRecord], summary: PrepareSummary) {
        let summary = try prepare(request)
        let file = try DatasetFile(path: output)
        return (try (0..<file.recordCount).map { try file.record($0) }, summary)
    }

    private func texts(_ request: PrepareRequest) throws -> (records: [DatasetRecord], summary: PrepareSummary) {
        let summary = try prepare(request)
        let file = try DatasetFile(path: output)
        return (try (0..<file.recordCount).map { try file.record($0) }, summary)
    }

    // MARK: Pairs of strings

    @Test("a pair of strings is cut where the prompt ends, and completions end with the end of sequence, once")
    func strings() throws {
        let lines = [
            #"{"prompt": "Q ", "chosen": "yes", "rejected": ""}"#,
            #"{"prompt": "Q ", "chosen": "yes<|end|>", "rejected": "caf\u00e9 \ud83d\ude00\n\"\/"}"#,
        ]
        let (records, summary) = try pairs(try request(lines, Bytes.write(to: folder)))
        let prompt = Bytes.ids("Q ")
        let yes = Bytes.ids("yes") + [Bytes.end]
        #expect(records[0] == DatasetRecord(prompt: prompt, chosen: yes, rejected: [Bytes.end]))
        #expect(
            records[1]
                == DatasetRecord(prompt: prompt, chosen: yes, rejected: Bytes.ids("café 😀\n\"/") + [Bytes.end]))
        #expect(summary.kind == .preference && summary.movedBoundaries == 0)
    }

    @Test("tokens that span the prompt's end go to both completions, and the record is counted")
    func movedBoundary() throws {
        let lines = [
            #"{"prompt": "xa", "chosen": "bc", "rejected": "c"}"#, #"{"prompt": "xa", "chosen": "c", "rejected": "bc"}"#,
            #"{"prompt": "xa", "chosen": "c", "rejected": "d"}"#,
        ]
        let (records, summary) = try pairs(try request(lines, Bytes.write(to: folder)))
        let merged = [Bytes.ab] + Bytes.ids("c") + [Bytes.end]
        let apart = Bytes.ids("ac") + [Bytes.end]
        #expect(records[0] == DatasetRecord(prompt: Bytes.ids("x"), chosen: merged, rejected: apart))
        #expect(records[1] == DatasetRecord(prompt: Bytes.ids("x"), chosen: apart, rejected: merged))
        #expect(records[2].prompt == Bytes.ids("xa"))
        #expect(summary.movedBoundaries == 2)
    }

    @Test("a beginning of sequence stands before the prompt, and suffices for an empty one")
    func beginning() throws {
        let tokenizer = try Bytes.write(to: folder, begins: true)
        let lines = [
            #"{"prompt": "Q", "chosen": "y", "rejected": "n"}"#, #"{"prompt": "", "chosen": "y", "rejected": "n"}"#,
        ]
        let (records, _) = try pairs(try request(lines, tokenizer))
        let (yes, no) = (Bytes.ids("y") + [Bytes.end], Bytes.ids("n") + [Bytes.end])
        #expect(
            records[0] == DatasetRecord(prompt: [Bytes.beginning] + Bytes.ids("Q"), chosen: yes, rejected: no))
        #expect(records[1] == DatasetRecord(prompt: [Bytes.beginning], chosen: yes, rejected: no))
    }

    @Test("identical completions are dropped, a long prompt loses its beginning, and both are counted")
    func dropsAndCuts() throws {
        let lines = [
            #"{"prompt": "Q", "chosen": "y", "rejected": "y"}"#, #"{"prompt": "12345", "chosen": "y", "rejected": "n"}"#,
        ]
        var request = try request(lines, Bytes.write(to: folder))
        request.maximumLength = 4
        let (records, summary) = try pairs(request)
        #expect(records.map(\.prompt) == [Bytes.ids("45")])
        #expect(summary.dropped == [.identical: 1] && summary.truncated == 1)
    }

    @Test("chosen fields are read instead of the usual ones, which then mean nothing")
    func fieldChoice() throws {
        let line =
            #"{"question": "Q", "chosen": 3, "better": "y", "rejected": "n", "prompt": ["ignored"], "score": {"chosen": 1}}"#
        var request = try request([line], Bytes.write(to: folder))
        request.fields = ["prompt": "question", "chosen": "better"]
        let expected = DatasetRecord(
            prompt: Bytes.ids("Q"), chosen: Bytes.ids("y") + [Bytes.end], rejected: Bytes.ids("n") + [Bytes.end])
        #expect(try pairs(request).records == [expected])
    }

    // MARK: Pairs of messages

    private let head = [Bytes.start] + Bytes.ids("system\nS") + [Bytes.turnEnd] + Bytes.ids("\n")
    private let asked =
        [Bytes.start] + Bytes.ids("user\nQ") + [Bytes.turnEnd] + Bytes.ids("\n") + [Bytes.start]
        + Bytes.ids("assistant\n")

    /// A completion of ChatML: the template ends the turn, so no end of sequence follows.
    private func turn(_ text: String) -> [Int32] { Bytes.ids(text) + [Bytes.turnEnd] + Bytes.ids("\n") }

    @Test("messages go through the template, which ends the turn itself")
    func messages() throws {
        let line = """
            {"prompt": [{"role": "user", "content": "Q"}], "chosen": [{"role": "assistant", "content": "y"}], \
            "rejected": [{"name": null, "content": "n", "role": "assistant"}]}
            """
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        let expected = DatasetRecord(prompt: head + asked, chosen: turn("y"), rejected: turn("n"))
        #expect(try pairs(request([line], tokenizer)).records == [expected])
    }

    @Test(
        "a prompt inside the chats is what they begin with alike, with or without a field that repeats it",
        arguments: ["", #""prompt": "Q", "#, #""prompt": [{"role": "user", "content": "Q"}], "#])
    func promptInside(_ prompt: String) throws {
        let line = """
            {\(prompt)"chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "y"}], \
            "rejected": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "n"}]}
            """
        let tokenizer = try Bytes.write(to: folder, template: chatMLTemplate)
        let expected = DatasetRecord(prompt: head + asked, chosen: turn("y"), rejected: turn("n"))
        #expect(try pairs(request([line], tokenizer)).records == [expected])
    }

    @Test("without a template messages follow one another and the completion ends with the end of sequence")
    func plainMessages() throws {
        let line = """
            {"prompt": [{"role": "user", "content": "Q "}], "chosen": [{"role": "assistant", "content": "y"}], \
            "rejected": [{"role": "assistant", "content": "n"}]}
            """
        let (records, _) = try pairs(request([line], Bytes.write(to: folder)))
        #expect(
            records == [
                DatasetRecord(
                    prompt: Bytes.ids("Q "), chosen: Bytes.ids("y") + [Bytes.end],
                    rejected: Bytes.ids("n") + [Bytes.end])
            ])
    }

    // MARK: Chats

    @Test("a chat's loss counts what the assistant says and the end of its turns, nothing else")
    func chat() throws {
        let line = """
            {"messages": [{"role": "system", "content": "B"}, {"role": "user", "content": "q"}, \
            {"role": "assistant", "content": "one"}, {"role": "user", "content": "r"}, \
            {"role": "assistant", "content": "two"}]}
            """
        let (records, summary) = try texts(request([line], Bytes.write(to: folder, template: chatMLTemplate)))
        var tokens: [Int32] = []
        var mask: [Bool] = []
        for (role, content) in [
            ("system", "B"), ("user", "q"), ("assistant", "one"), ("user", "r"), ("assistant", "two"),
        ] {
            let parts = ([Bytes.start] + Bytes.ids(role + "\n"), Bytes.ids(content) + [Bytes.turnEnd], Bytes.ids("\n"))
            tokens += parts.0 + parts.1 + parts.2
            mask += parts.0.map { _ in false } + parts.1.map { _ in role == "assistant" } + [false]
        }
        #expect(records == [DatasetRecord(tokens: tokens, lossMask: mask)])
        #expect(summary.kind == .chat)
    }

    @Test("a token that holds the template's last character and the assistant's first counts")
    func spanningToken() throws {
        let line = #"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "\ny"}]}"#
        let (records, _) = try texts(request([line], Bytes.write(to: folder, template: chatMLTemplate)))
        let counted = zip(records[0].tokens, records[0].lossMask!).filter(\.1).map(\.0)
        #expect(counted == [Bytes.twoLines] + Bytes.ids("y") + [Bytes.turnEnd])
    }

    @Test("a chat without an assistant's turn is dropped and counted; without a template the end of sequence counts")
    func chatEnds() throws {
        let lines = [
            #"{"messages": [{"role": "user", "content": "q"}]}"#,
            #"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "y"}]}"#,
        ]
        let (records, summary) = try texts(request(lines, Bytes.write(to: folder)))
        #expect(
            records == [DatasetRecord(tokens: Bytes.ids("qy") + [Bytes.end], lossMask: [false, true, true])])
        #expect(summary.dropped == [.nothingCounted: 1])
    }

    // MARK: Texts

    @Test("a text is its tokens and the end of sequence; one that is empty is dropped")
    func plainTexts() throws {
        let lines = [#"{"text": "xab"}"#, #"{"text": ""}"#, #"{"text": "x<|end|>"}"#]
        let (records, summary) = try texts(request(lines, Bytes.write(to: folder)))
        #expect(
            records == [
                DatasetRecord(tokens: Bytes.ids("x") + [Bytes.ab, Bytes.end]),
                DatasetRecord(tokens: Bytes.ids("x") + [Bytes.end]),
            ])
        #expect(summary.kind == .text && summary.dropped == [.nothingCounted: 1])
    }

    @Test("ranges of characters are not learnt, and no token crosses their ends")
    func spans() throws {
        // Characters: é is one, of two bytes. "ab" falls apart where a range ends within it.
        let lines = [
            #"{"text": "éabab", "loss_masking_spans": [[0, 2]]}"#,
            #"{"text": "éabab", "loss_masking_spans": [[3, 5], [3, 4]]}"#,
            #"{"text": "éabab", "loss_masking_spans": []}"#, #"{"text": "xy", "loss_masking_spans": [[0, 2]]}"#,
        ]
        let (records, _) = try texts(request(lines, Bytes.write(to: folder, begins: true)))
        let begin = [Bytes.beginning]
        let accented = Bytes.ids("é")
        #expect(
            records[0]
                == DatasetRecord(
                    tokens: begin + accented + Bytes.ids("a") + Bytes.ids("b") + [Bytes.ab, Bytes.end],
                    lossMask: [true, false, false, false, true, true, true]))
        #expect(
            records[1]
                == DatasetRecord(
                    tokens: begin + accented + [Bytes.ab] + Bytes.ids("a") + Bytes.ids("b") + [Bytes.end],
                    lossMask: [true, true, true, true, false, false, true]))
        #expect(records[2].tokens == begin + accented + [Bytes.ab, Bytes.ab, Bytes.end])
        #expect(records[3].lossMask == [true, false, false, true])
    }

    @Test("ranges are ignored in preference records, whatever they hold")
    func ignoredSpans() throws {
        let line = #"{"prompt": "Q", "chosen": "y", "rejected": "n", "loss_masking_spans": "all"}"#
        #expect(try pairs(request([line], Bytes.write(to: folder))).records.count == 1)
    }

    // MARK: Kinds

    @Test("of several texts completions come first, then messages, unless the kind is asked for")
    func severalTexts() throws {
        let line = """
            {"prompt": "Q", "chosen": "y", "rejected": "n", "text": "t", \
            "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
            """
        var request = try request([line], Bytes.write(to: folder))
        #expect(try prepare(request).kind == .preference)
        request.kind = .chat
        #expect(try texts(request).records[0].tokens == Bytes.ids("qa") + [Bytes.end])
        request.kind = .text
        #expect(try texts(request).records[0].tokens == Bytes.ids("t") + [Bytes.end])
    }

    // MARK: Many lines

    @Test("many lines come out in order, with the tokens of Hugging Face's own tokenizer")
    func goldenOrder() throws {
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/tokenizers")
        let page = try JSONDecoder().decode(
            Page.self, from: Data(contentsOf: fixtures.appendingPathComponent("page.json")))
        let expected = try #require(page.ids["smollm2"])
        try FileManager.default.createDirectory(atPath: folder.file("hf"), withIntermediateDirectories: true)
        try folder.write(Data(contentsOf: fixtures.appendingPathComponent("smollm2.json")), to: "hf/tokenizer.json")
        try folder.write(#"{"eos_token": "<|im_end|>"}"#, to: "hf/tokenizer_config.json")
        // More than one batch of lines, whose stretches end at different times.
        let repeats = 500
        let end: Int32 = 2
        let lines = try page.texts.map { text in
            String(decoding: try JSONEncoder().encode(["text": text]), as: UTF8.self)
        }
        let all = (0..<repeats).flatMap { _ in lines }
        let (records, summary) = try texts(request(all, folder.file("hf")))
        let stored = expected.map { $0.last == end ? $0 : $0 + [end] }.filter { $0.count > 1 }
        #expect(summary.droppedCount == repeats * (expected.count - stored.count))
        #expect(records.map(\.tokens) == (0..<repeats).flatMap { _ in stored })
    }

    private struct Page: Decodable {
        let texts: [String]
        let ids: [String: [[Int32]]]
    }

    @Test("the quickstart's pairs keep their text: prompt and completion decode to what was given")
    func quickstart() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("quickstart")
        let input = root.appendingPathComponent("preferences.jsonl").path
        let tokenizer = root.appendingPathComponent("tokenizer").path
        let summary = try prepare(PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer))
        let lines = try String(contentsOfFile: input, encoding: .utf8).split(separator: "\n")
        let encoder = try RecordEncoder(folder: tokenizer)
        let file = try DatasetFile(path: output)
        #expect(file.recordCount == lines.count && summary.droppedCount == 0)
        for index in [0, lines.count / 2, lines.count - 1] {
            let given = try JSONDecoder().decode([String: String].self, from: Data(lines[index].utf8))
            let record = try file.record(index)
            func text(_ ids: [Int32]) -> String { encoder.tokenizer.decode(ids, skipSpecialTokens: false) }
            #expect(text(record.prompt + record.chosen) == given["prompt"]! + given["chosen"]! + "<|endoftext|>")
            #expect(text(record.prompt + record.rejected) == given["prompt"]! + given["rejected"]! + "<|endoftext|>")
            #expect(record.chosen.count < given["chosen"]!.utf8.count / 2)
        }
    }

    @Test("records of which the tokenizer leaves characters out are counted")
    func lostCharacters() throws {
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/tokenizers")
        try FileManager.default.createDirectory(atPath: folder.file("hf"), withIntermediateDirectories: true)
        // SmolLM2 lacks a token for the bell, among other control characters.
        try folder.write(Data(contentsOf: fixtures.appendingPathComponent("smollm2.json")), to: "hf/tokenizer.json")
        try folder.write(#"{"eos_token": "<|im_end|>"}"#, to: "hf/tokenizer_config.json")
        let (records, summary) = try texts(
            request([#"{"text": "the the"}"#, #"{"text": "the\u0007 the"}"#], folder.file("hf")))
        #expect(records[0] == records[1] && summary.lostCharacters == 1)
        let all = try request([#"{"text": "a\u0007"}"#], Bytes.write(to: folder))
        #expect(try prepare(all).lostCharacters == 0)
    }

    // MARK: The histogram

    @Test("a histogram has at most ten bars of one readable width, and every record is in one")
    func histogram() {
        #expect(LengthBar.histogram([7: 3]) == [LengthBar(lengths: 7...7, count: 3)])
        #expect(
            LengthBar.histogram([1: 1, 10: 2]).map(\.lengths) == (1...10).map { $0...$0 })
        // 11 lengths do not fit ten bars of one: bars of two, from a multiple of two.
        #expect(
            LengthBar.histogram([1: 1, 2: 1, 3: 4, 11: 2])
                == [
                    LengthBar(lengths: 0...1, count: 1), LengthBar(lengths: 2...3, count: 5),
                    LengthBar(lengths: 4...5, count: 0), LengthBar(lengths: 6...7, count: 0),
                    LengthBar(lengths: 8...9, count: 0), LengthBar(lengths: 10...11, count: 2),
                ])
        let bars = LengthBar.histogram([188: 1, 999: 1, 1960: 1])
        #expect(bars.count == 10 && bars[0].lengths == 0...199 && bars.map(\.count).reduce(0, +) == 3)
    }
}
