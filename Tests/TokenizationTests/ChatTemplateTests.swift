import Foundation
import Settings
import Testing

@testable import Tokenization

private struct Chats: Decodable {
    struct Message: Decodable {
        let role: String
        let content: String
    }
    let chats: [[Message]]
    let templates: [String: String]
    /// By template, chat, and without or with a generation prompt.
    let rendered: [String: [[String]]]

    static func load() throws -> Chats { try JSONDecoder().decode(Chats.self, from: fixture("chats.json")) }

    var messages: [[ChatMessage]] {
        get throws {
            try chats.map { chat in
                try chat.map { ChatMessage(role: try .named($0.role, place: "test"), content: $0.content) }
            }
        }
    }
}

private let begin = "<|begin_of_text|>"

@Suite("Chat templates")
struct ChatTemplateTests {
    private let known: [String: ChatTemplate] = [
        "smollm2": .chatML(
            defaultSystem: "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
        "qwen2": .chatML(defaultSystem: "You are a helpful assistant."),
        "qwen2_5": .chatML(
            defaultSystem: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
        "chatml": .chatML(defaultSystem: nil), "llama3": .llama3(beginning: begin),
        "llama3_1": .llama3_1(beginning: begin),
    ]

    @Test("templates are recognised by their text, whatever their line ends")
    func recognition() throws {
        for (name, source) in try Chats.load().templates {
            for text in [
                source, source + "\n", source.replacing("\n", with: "\\n"), source.replacing("\n", with: "\r\n"),
            ] {
                #expect(try ChatTemplate(source: text, beginning: begin, place: "t") == known[name])
            }
        }
    }

    @Test("every template renders what Jinja renders")
    func rendering() throws {
        let chats = try Chats.load()
        #expect(chats.rendered.count == known.count)
        for (name, rendered) in chats.rendered {
            let template = try #require(known[name])
            for (messages, texts) in zip(try chats.messages, rendered) {
                for (prompt, text) in zip([false, true], texts) {
                    let chat = try template.render(messages, addGenerationPrompt: prompt)
                    #expect(chat.text.unicodeScalars.elementsEqual(text.unicodeScalars), "\(name)")
                }
            }
        }
    }

    @Test("an assistant's turn is its content and the token that ends it")
    func turns() throws {
        let messages = [
            ChatMessage(role: .user, content: "é?"), ChatMessage(role: .assistant, content: " 我 "),
            ChatMessage(role: .user, content: "b"), ChatMessage(role: .assistant, content: "c"),
        ]
        for (template, turns) in [
            (ChatTemplate.chatML(defaultSystem: "x"), [" 我 <|im_end|>", "c<|im_end|>"]),
            (.llama3_1(beginning: begin), ["我<|eot_id|>", "c<|eot_id|>"]), (.plainText, [" 我 ", "c"]),
        ] {
            let chat = try template.render(messages, addGenerationPrompt: true)
            let bytes = Array(chat.text.utf8)
            #expect(chat.assistantTurns.map { String(decoding: bytes[$0], as: UTF8.self) } == turns)
        }
    }

    @Test(
        "a template that is not known is refused with its beginning",
        arguments: [
            "{{ bos_token }}{% for m in messages %}[INST]{% endfor %}", "{% for message in messages %}",
            "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n",
        ])
    func unknown(_ source: String) {
        let failure = #expect(throws: Failure.self) { try ChatTemplate(source: source, beginning: "", place: "here") }
        #expect(failure?.exitCode == .configuration)
        #expect(failure?.place == "here")
        #expect(failure?.reason.contains(String(source.prefix(20)).printable) == true)
    }

    @Test("a default system prompt with Jinja in it is not taken for text")
    func jinjaInPrompt() throws {
        let source = try #require(try Chats.load().templates["qwen2"])
        for prompt in ["x' + y + '", "{{ x }}", "a\\tb"] {
            let changed = source.replacing("You are a helpful assistant.", with: prompt)
            #expect(throws: Failure.self) { try ChatTemplate(source: changed, beginning: "", place: "t") }
        }
    }

    @Test(
        "the template is found in its own file, in tokenizer_config.json or in its list; without one it is plain text")
    func folders() throws {
        let chats = try Chats.load()
        let folder = try TemporaryFolder()
        #expect(try ChatTemplate(folder: folder.path) == .plainText)
        func write(_ template: Any?) throws {
            var fields: [String: Any] = ["bos_token": ["content": begin], "eos_token": "<|eot_id|>"]
            fields["chat_template"] = template
            let data = try JSONSerialization.data(withJSONObject: fields)
            try folder.write("tokenizer_config.json", String(decoding: data, as: UTF8.self))
        }
        try write(nil)
        #expect(try ChatTemplate(folder: folder.path) == .plainText)
        let llama = try #require(chats.templates["llama3"])
        try write(llama)
        #expect(try ChatTemplate(folder: folder.path) == .llama3(beginning: begin))
        try write([["name": "tool_use", "template": "x"], ["name": "default", "template": llama]])
        #expect(try ChatTemplate(folder: folder.path) == .llama3(beginning: begin))
        try write([["name": "tool_use", "template": llama]])
        #expect(throws: Failure.self) { try ChatTemplate(folder: folder.path) }
        try folder.write("chat_template.jinja", try #require(chats.templates["smollm2"]))
        #expect(try ChatTemplate(folder: folder.path) == known["smollm2"])
    }

    @Test("unknown roles and chats without messages are refused")
    func roles() throws {
        for role in ["tool", "User", "", "function\n"] {
            let failure = #expect(throws: Failure.self) { try ChatRole.named(role, place: "line 3: messages[0].role") }
            #expect(failure?.exitCode == .damagedData)
            #expect(failure?.place == "line 3: messages[0].role")
        }
        #expect(throws: Failure.self) { try ChatTemplate.plainText.render([], addGenerationPrompt: true) }
    }

    @Test("a template whose marks the tokenizer lacks is refused")
    func marks() throws {
        let chatML = try #require(known["smollm2"])
        try chatML.check(against: smallTokenizer("qwen2"), place: "t")
        try ChatTemplate.llama3(beginning: begin).check(against: smallTokenizer("llama3"), place: "t")
        try ChatTemplate.plainText.check(against: smallTokenizer("gpt2"), place: "t")
        let failure = #expect(throws: Failure.self) { try chatML.check(against: smallTokenizer("gpt2"), place: "t") }
        #expect(failure?.reason.contains("<|im_start|>") == true)
    }

    @Test("the ends of a text come from tokenizer_config.json and generation_config.json")
    func ends() throws {
        let tokenizer = try smallTokenizer("llama3")
        let (text, turn) = (tokenizer.id(of: "<|end_of_text|>")!, tokenizer.id(of: "<|eot_id|>")!)
        let folder = try TemporaryFolder()
        #expect(throws: Failure.self) { try EndTokens(folder: folder.path, tokenizer: tokenizer) }
        try folder.write("generation_config.json", "{\"eos_token_id\": [\(text), \(turn)]}")
        #expect(try EndTokens(folder: folder.path, tokenizer: tokenizer).endOfSequence == text)
        try folder.write("tokenizer_config.json", "{\"eos_token\": \"<|eot_id|>\"}")
        let ends = try EndTokens(folder: folder.path, tokenizer: tokenizer)
        #expect(ends.endOfSequence == turn)
        #expect(ends.stops == [text, turn])
        try folder.write("tokenizer_config.json", "{\"eos_token\": \"<none>\"}")
        #expect(throws: Failure.self) { try EndTokens(folder: folder.path, tokenizer: tokenizer) }
        try folder.write("tokenizer_config.json", "{}")
        try folder.write("generation_config.json", "{\"eos_token_id\": 99999999999}")
        #expect(throws: Failure.self) { try EndTokens(folder: folder.path, tokenizer: tokenizer) }
    }

    @Test("config.json names the ends where generation_config.json does not, a number or a list")
    func endsOfTheModel() throws {
        let tokenizer = try smallTokenizer("llama3")
        let (text, turn) = (tokenizer.id(of: "<|end_of_text|>")!, tokenizer.id(of: "<|eot_id|>")!)
        let folder = try TemporaryFolder()
        func ends() throws -> EndTokens { try EndTokens(folder: folder.path, tokenizer: tokenizer) }
        for (value, stops) in [("\(turn)", [turn]), ("[\(text), \(turn)]", [text, turn])] {
            try folder.write("config.json", "{\"eos_token_id\": \(value)}")
            #expect(try ends().stops == Set(stops) && ends().endOfSequence == stops[0])
        }
        try folder.write("generation_config.json", "{\"eos_token_id\": null, \"temperature\": 0.6}")
        #expect(try ends().stops == [text, turn])
        try folder.write("generation_config.json", "{\"eos_token_id\": \(text)}")
        #expect(try ends().stops == [text])
        try folder.write("tokenizer_config.json", "{\"eos_token\": \"<|eot_id|>\"}")
        #expect(try ends().stops == [text, turn] && ends().endOfSequence == turn)
        // A row that no token has ends no text; generation stops there all the same.
        try FileManager.default.removeItem(atPath: folder.path + "/generation_config.json")
        try folder.write("config.json", "{\"eos_token_id\": [999999, -1]}")
        #expect(try ends().stops == [turn, 999_999] && ends().endOfSequence == turn)
        for wrong in ["\"two\"", "[1, null]", "1.5", "true"] {
            try folder.write("config.json", "{\"eos_token_id\": \(wrong)}")
            let failure = #expect(throws: Failure.self) { try ends() }
            #expect(failure?.exitCode == .damagedData && failure?.place.hasSuffix("config.json: eos_token_id") == true)
        }
        try folder.write("config.json", "{\"eos_token_id\": null}")
        #expect(try ends().stops == [turn])
    }

    @Test("special_tokens_map.json names the end in folders whose tokenizer_config.json is of before it listed tokens")
    func olderFolders() throws {
        let tokenizer = try smallTokenizer("llama3")
        let (text, turn) = (tokenizer.id(of: "<|end_of_text|>")!, tokenizer.id(of: "<|eot_id|>")!)
        let folder = try TemporaryFolder()
        try folder.write("special_tokens_map.json", #"{"eos_token": {"content": "<|eot_id|>", "lstrip": false}}"#)
        #expect(try EndTokens(folder: folder.path, tokenizer: tokenizer).endOfSequence == turn)
        try folder.write("tokenizer_config.json", #"{"eos_token": "<|end_of_text|>"}"#)
        #expect(try EndTokens(folder: folder.path, tokenizer: tokenizer).stops == [text])
        for newer in [#"{"eos_token": null}"#, #"{"added_tokens_decoder": {}}"#] {
            try folder.write("tokenizer_config.json", newer)
            #expect(throws: Failure.self) { try EndTokens(folder: folder.path, tokenizer: tokenizer) }
        }
    }
}
