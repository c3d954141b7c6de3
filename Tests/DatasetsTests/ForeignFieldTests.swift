import Foundation
import Settings
import Testing

@testable import Datasets

/// Records that can be prepared, one of each form, without their closing brace.
private enum Open {
    static let pair = #"{"prompt": "Q", "chosen": "y", "rejected": "n""#
    static let chats = """
        {"prompt": [{"role": "user", "content": "Q"}], "chosen": [{"role": "assistant", "content": "y"}], \
        "rejected": [{"role": "assistant", "content": "n"}]
        """
    static let chat = #"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "y"}]"#
    static let text = #"{"text": "T u""#
    static let ids = #"{"input_ids": [1, 20, 30]"#
    static let pairIDs = #"{"prompt_ids": [1, 2], "chosen_ids": [3, 4], "rejected_ids": [5]"#

    static let all = [pair, chats, chat, text, ids, pairIDs]
}

/// A field of a record beside those that are read.
struct ForeignCase: Sendable, CustomTestStringConvertible {
    let record: String
    let field: String
    /// What the line says; nil where the field is passed over.
    let says: String?
    var testDescription: String { "\(field) in \(record.prefix(24))…" }

    private init(_ record: String, _ field: String, _ says: String?) {
        self.record = record
        self.field = field
        self.says = says
    }

    static let refused: [ForeignCase] = {
        var cases: [ForeignCase] = []
        func add(_ field: String, to records: [String], says: String) {
            cases += records.map { ForeignCase($0, field, says) }
        }
        let tool = #"[{"type": "function", "function": {"name": "f"}}]"#
        add(#""tools": \#(tool)"#, to: [Open.chat, Open.chats], says: "has tools")
        add(#""tools": "\#(tool.replacing("\"", with: "\\\""))""#, to: [Open.chat], says: "has tools")
        add(#""functions": [{"name": "f"}]"#, to: [Open.chat, Open.chats], says: "has functions")
        add(#""documents": [{"text": "d"}]"#, to: [Open.chat, Open.chats], says: "has documents")
        add(
            #""chat_template_kwargs": {"enable_thinking": false}"#, to: [Open.chat, Open.chats],
            says: "has chat_template_kwargs")
        add(#""chat_template": "{{ messages }}""#, to: [Open.chat, Open.chats], says: "has chat_template")
        add(#""weight": 0.5"#, to: Open.all, says: "has weight")
        add(#""weight": 0"#, to: [Open.pairIDs, Open.ids], says: "has weight")
        add(#""sample_weight": 2"#, to: [Open.pair], says: "has sample_weight")
        add(#""margin": 0.25"#, to: [Open.pair, Open.chats, Open.pairIDs], says: "has margin")
        add(#""teacher": "big""#, to: Open.all, says: "has teacher")
        add(#""images": ["a.png"]"#, to: Open.all, says: "has images")
        add(#""videos": [{"bytes": "AA"}]"#, to: [Open.chat], says: "has videos")
        add(#""audio": {"path": "a.flac"}"#, to: [Open.chat], says: "has audio")
        add(#""system": "Be brief.""#, to: [Open.pair, Open.chats, Open.chat], says: "has system")
        add(#""system_prompt": "Be brief.""#, to: [Open.pair, Open.chats, Open.chat], says: "has system_prompt")
        add(#""history": [["a", "b"]]"#, to: [Open.pair], says: "has history")
        add(#""instruction": "Translate.""#, to: [Open.pair], says: "has instruction")
        add(#""input": "some text""#, to: [Open.pair], says: "has input")
        add(#""rejected_response": "n""#, to: [Open.chat], says: "has rejected_response, which makes it a pair")
        add(#""rejected_messages": [{"role": "assistant", "content": "n"}]"#, to: [Open.chat], says: "has rejected_messages")
        add(#""label": false"#, to: [Open.chat], says: "has label, and chats that are wanted or not")
        add(#""kto_tag": true"#, to: [Open.chat], says: "has kto_tag")
        add(#""loss_mask": [1, 1]"#, to: [Open.pair, Open.chats, Open.chat, Open.text], says: "loss_mask goes with input_ids")
        add(#""completion_mask": [1]"#, to: [Open.chat, Open.pairIDs], says: "completion_mask goes with input_ids")
        add(#""labels": [1]"#, to: [Open.pairIDs], says: "labels goes with input_ids")
        add(#""attention_mask": [1, 1]"#, to: [Open.pairIDs], says: "attention_mask goes with input_ids")
        add(#""chosen_labels": [-100, 4]"#, to: [Open.pairIDs], says: "has chosen_labels")
        add(#""rejected_loss_mask": [0]"#, to: [Open.pairIDs], says: "has rejected_loss_mask")
        add(#""prompt_attention_mask": [0, 1]"#, to: [Open.pairIDs], says: "prompt_attention_mask has a 0 at index 0")
        add(#""chosen_attention_mask": [1]"#, to: [Open.pairIDs], says: "chosen_attention_mask has 1 entries for 2 ids")
        add(#""response_mask": [0, 1]"#, to: [Open.pairIDs], says: "has response_mask")
        add(#""response_mask": [0, 1, 1]"#, to: [Open.ids], says: "has response_mask")
        add(#""attention_mask": [1, 1, 0]"#, to: [Open.ids], says: "attention_mask has a 0 at index 2")
        add(#""attention_mask": [0, 1, 1]"#, to: [Open.ids], says: "attention_mask has a 0 at index 0")
        add(#""attention_mask": [1, 1]"#, to: [Open.ids], says: "attention_mask has 2 entries for 3 ids")
        add(#""attention_mask": [1, 2, 2]"#, to: [Open.ids], says: "attention_mask is not a list of ones")
        add(#""position_ids": [0, 1, 0]"#, to: [Open.ids], says: "has position_ids")
        add(#""position_ids": [0, 1]"#, to: [Open.ids], says: "has position_ids")
        add(#""seq_lengths": [2, 1]"#, to: [Open.ids], says: "has seq_lengths")
        add(#""cu_seqlens": [0, 1, 3]"#, to: [Open.ids], says: "has cu_seqlens")
        add(#""segment_ids": [0, 0, 1]"#, to: [Open.ids], says: "has segment_ids")
        add(#""weights": [0.0, 1.0, 0.5]"#, to: [Open.ids], says: "has weights")
        return cases
    }()

    static let passedOver: [ForeignCase] = {
        var cases: [ForeignCase] = []
        func add(_ fields: [String], to records: [String]) {
            for field in fields { cases += records.map { ForeignCase($0, field, nil) } }
        }
        // null and what is empty are the same as a field that is not there.
        for name in ["tools", "documents", "chat_template_kwargs", "weight", "teacher", "images", "system", "history", "input"] {
            add(["\"\(name)\": null"], to: Open.all)
        }
        add([#""tools": []"#, #""tools": "[]""#, #""tools": "", "functions": [null]"#], to: [Open.chat, Open.chats])
        add([#""chat_template_kwargs": {}"#, #""chat_template_kwargs": {"a": null, "b": [""]}"#], to: [Open.chat, Open.chats])
        add([#""system": "  ", "history": [], "input": """#], to: [Open.pair])
        // What says nothing new.
        add([#""weight": 1"#, #""weight": 1.0"#], to: Open.all)
        add([#""margin": 0"#], to: [Open.pair, Open.chats, Open.pairIDs])
        add([#""system": "Q", "instruction": "Q""#], to: [Open.pair])
        add(
            [
                #""attention_mask": [1, 1, 1], "position_ids": [0, 1, 2], "seq_lengths": [3], "cu_seqlens": [0, 3]"#,
                #""segment_ids": [4, 4, 4], "weights": [1, 1.0, 1], "response_mask": [1, true, 1]"#,
                #""special_tokens_mask": [1, 0, 0], "token_type_ids": [0, 0, 0]"#,
            ], to: [Open.ids])
        add(
            [
                #""chosen_labels": [3, 4], "rejected_mask": [1], "prompt_attention_mask": [1, 1]"#,
                #""chosen_attention_mask": [1, 1], "score_chosen": 0.5, "score_rejected": -2"#,
            ], to: [Open.pairIDs])
        // What means nothing in records of this form.
        add([#""margin": 3, "system": "s", "tools": [1], "labels": 1, "attention_mask": [0]"#], to: [Open.text])
        add([#""label": 1, "score": 0.25, "instruction": "i", "input": "x""#], to: [Open.chat, Open.text, Open.ids])
        add([#""score_chosen": 8.5, "score_rejected": 2, "label": false, "messages": []"#], to: [Open.pair, Open.chats])
        add([#""tools": [1], "documents": [1]"#], to: [Open.pair, Open.ids, Open.pairIDs])
        return cases
    }()
}

@Suite("Fields that mean something elsewhere") struct ForeignFieldTests {
    let folder: TemporaryFolder
    let output: String

    init() throws {
        folder = try TemporaryFolder()
        output = folder.file("out.h5")
    }

    private func request(_ lines: [String]) throws -> PrepareRequest {
        let tokenizer = try ByteTokenizer.write(to: folder, template: chatMLTemplate)
        let input = try folder.write(lines.map { $0 + "\n" }.joined(), to: "in.jsonl")
        return PrepareRequest(inputs: [input], output: output, tokenizer: tokenizer)
    }

    @Test("a field that would change what the record says is refused by name, with its line", arguments: ForeignCase.refused)
    func refused(_ example: ForeignCase) throws {
        var request = try request([example.record + "}", "\(example.record), \(example.field)}"])
        let failure = try failureOfPreparing(request)
        #expect(failure.exitCode == .damagedData && failure.place == "\(folder.file("in.jsonl")):2")
        #expect(failure.reason.contains(try #require(example.says)), "\(failure)")
        #expect(try folder.names == ["in.jsonl", "tokenizer"])
        // The same is passed over where that is asked for.
        let name = try #require(example.field.firstMatch(of: /"([a-z_]+)"/)).1
        request.ignoredFields = [String(name)]
        #expect(try prepare(request).training.records == 2)
    }

    @Test("a field that is empty, says what holds anyway, or means nothing here is passed over", arguments: ForeignCase.passedOver)
    func passedOver(_ example: ForeignCase) throws {
        let plain = try prepare(request([example.record + "}"]))
        let expected = try bytes(of: output)
        #expect(try prepare(request(["\(example.record), \(example.field)}"])) == plain)
        #expect(try bytes(of: output) == expected)
    }

    @Test("a field that is chosen for a name is read, not refused")
    func chosenField() throws {
        var request = try request([#"{"instruction": "Q", "input": "", "chosen": "y", "rejected": "n"}"#])
        request.fields = ["prompt": "instruction"]
        try prepare(request)
        #expect(try DatasetFile(path: output).record(0).prompt == ByteTokenizer.ids("Q"))
    }

    @Test("a system prompt beside messages is passed over where they begin with it, and refused where they begin with another")
    func systemBesideMessages() throws {
        func line(_ system: String) -> String {
            #"{"system": "B", "messages": [{"role": "system", "content": "\#(system)"}, {"role": "user", "content": "Q"}, {"role": "assistant", "content": "y"}]}"#
        }
        #expect(try prepare(request([line("B")])).training.records == 1)
        let failure = try failureOfPreparing(request([line("C")]))
        #expect(failure.reason.contains("has system"), "\(failure)")
    }

    @Test("to ignore a field that is read, or a part of every message, is a usage error")
    func badIgnored() throws {
        for (field, fields) in [("question", ["prompt": "question"]), ("role", [:]), ("content", [:])] {
            var request = try request([Open.pair + "}"])
            request.fields = fields
            request.ignoredFields = [field]
            let failure = try failureOfPreparing(request)
            #expect(failure.exitCode == .usage && failure.place == "--ignore-field \(field)", "\(failure)")
        }
    }

    @Test("records of prompt and completion are named, not taken for pairs that lack something")
    func promptAndCompletion() throws {
        for (line, says) in [
            (#"{"prompt": "Q", "completion": "y"}"#, "a record of prompt and completion, which"),
            (#"{"prompt": "Q", "completions": ["y"], "labels": [true]}"#, "a record of prompt and completions, which"),
            (#"{"prompt": "Q", "completion": "y", "label": true}"#, "a record of prompt, completion and label, which"),
        ] {
            let failure = try failureOfPreparing(request([line]))
            #expect(failure.exitCode == .damagedData && failure.reason.contains(says), "\(failure)")
        }
    }
}
