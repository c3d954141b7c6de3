import Foundation
import JSON
import Settings

@testable import Tokenization

extension FuzzTarget {
    /// A `tokenizer.json`; what follows a NUL is a text for it.
    static let tokenizer = FuzzTarget(
        name: "tokenizer",
        seeds: { try [splitting, levelled].map { Array($0.utf8) + [0] + Array(text.utf8) } + [Array(levelled.utf8)] },
        read: { input in
            let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
            let tokenizer = try Tokenizer(tokenizerJSON: Data(parts[0]), origin: "tokenizer.json")
            _ = (tokenizer.identity, tokenizer.droppedBytes)
            try use(tokenizer, on: Array(text.utf8))
            if parts.count == 2 { try use(tokenizer, on: Array(parts[1])) }
        })

    /// `tokenizer_config.json`, and after a NUL each `generation_config.json` and `chat_template.jinja`.
    static let chatTemplate = FuzzTarget(
        name: "template",
        seeds: {
            let chatML =
                "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' "
                + "+ '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
            let quoted = JSONValue.text(chatML).compact
            let plain = #"{"bos_token":"<|end|>","eos_token":{"content":"<|end|>"},"chat_template":\#(quoted)}"#
            let listed =
                #"{"eos_token":"<|end|>","chat_template":[{"name":"tools","template":"x"},{"name":"default","template":\#(quoted)}]}"#
            return [
                Array(plain.utf8), Array(listed.utf8) + [0] + Array(#"{"eos_token_id":[0,4]}"#.utf8),
                Array("{}".utf8) + [0] + Array(#"{"eos_token_id":0}"#.utf8) + [0] + Array(chatML.utf8),
            ]
        },
        read: { input in
            let folder = Scratch.folder + "/template"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let names = ["tokenizer_config.json", "generation_config.json", "chat_template.jinja"]
            let parts = input.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
            for (index, name) in names.enumerated() {
                unlink("\(folder)/\(name)")
                if index < parts.count { _ = Scratch.write("template/" + name, Array(parts[index])) }
            }
            let tokenizer = try small.get()
            let template = try ChatTemplate(folder: folder)
            let chat = [ChatMessage(role: .system, content: " s "), ChatMessage(role: .assistant, content: "")]
            for messages in [chat, Array(chat.dropFirst())] {
                let rendered = try template.render(messages, addGenerationPrompt: true)
                precondition(rendered.assistantTurns.allSatisfy { $0.upperBound <= rendered.text.utf8.count })
            }
            _ = try EndTokens(folder: folder, tokenizer: tokenizer)
            try template.check(against: tokenizer, place: "template")
        })

    /// A tokenizer of 256 bytes and a merge, in a folder with its configuration, for readers that need one.
    static let small = Result { try Tokenizer(tokenizerJSON: Data(levelled.utf8), origin: "small") }

    private static func use(_ tokenizer: Tokenizer, on text: [UInt8]) throws {
        let ids = try tokenizer.encode(utf8: text, addSpecialTokens: true)
        precondition(ids.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize }, "an id outside of the vocabulary")
        let placed = try tokenizer.encodeWithStarts(String(decoding: text, as: UTF8.self), addSpecialTokens: true)
        precondition(placed.starts.count == placed.ids.count && placed.ids == ids, "starts change the ids")
        precondition(placed.starts.allSatisfy { (0...text.count).contains($0) }, "a token starts outside of the text")
        var stream = StreamDecoder(tokenizer, skipSpecialTokens: false)
        let streamed = ids.map { stream.append($0) }.joined() + stream.finish()
        precondition(streamed == tokenizer.decode(ids, skipSpecialTokens: false), "a stream decodes to another text")
    }

    private static let text = "The fox's 12 eggs,  ate\n\nÄ<|end|>é\u{301} ㎏ 漢字 <x> 🦊\r\n"

    private static let bytes: String = ByteAlphabet.scalars.enumerated()
        .map { "\(JSONValue.text(String($1)).compact):\($0 + 8)" }.joined(separator: ",")

    /// In the style of GPT-2 and SmolLM2.
    static let levelled = #"""
        {"version":"1.0","truncation":null,"padding":null,"added_tokens":[
        {"id":0,"content":"<|end|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
        {"id":1,"content":"<|im_start|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
        {"id":2,"content":"<|im_end|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
        {"id":3,"content":"<x>","single_word":true,"lstrip":true,"rstrip":true,"normalized":true,"special":false}],
        "normalizer":null,"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
        {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}]},
        "post_processor":null,"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
        "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"","end_of_word_suffix":"",
        "fuse_unk":false,"byte_fallback":false,"vocab":{"<|end|>":0,"<|im_start|>":1,"<|im_end|>":2,"<x>":3,"ab":4,"th":5,"the":6,
        "Ġthe":7,\#(bytes)},"merges":["a b","t h",["th","e"],"Ġ the"]}}
        """#

    /// In the style of Qwen2 and Llama 3: a normal form, an expression, a template around the text.
    private static let splitting = levelled.replacing("\"normalizer\":null", with: "\"normalizer\":{\"type\":\"NFC\"}")
        .replacing(
            #"{"type":"Digits","individual_digits":true}"#,
            with:
                #"{"type":"Split","pattern":{"Regex":"(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false}"#
        )
        .replacing("\"trim_offsets\":true,\"use_regex\":true}]}", with: "\"trim_offsets\":true,\"use_regex\":false}]}")
        .replacing("\"dropout\":null", with: "\"dropout\":null,\"ignore_merges\":true")
        .replacing(
            "\"post_processor\":null",
            with:
                #""post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|end|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<|end|>":{"id":"<|end|>","ids":[0],"tokens":["<|end|>"]}}}"#
        )
}
