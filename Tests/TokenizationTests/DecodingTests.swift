import Foundation
import Testing

@testable import Tokenization

@Suite("Decoding")
struct DecodingTests {
    @Test("decoding what was encoded gives the text back", arguments: ["gpt2", "llama3"])
    func roundTrip(_ style: String) throws {
        let tokenizer = try smallTokenizer(style)
        for text in try Page.load().texts where !text.contains("<") {
            let ids = try tokenizer.encode(text, addSpecialTokens: true)
            #expect(tokenizer.decode(ids, skipSpecialTokens: true).unicodeScalars.elementsEqual(text.unicodeScalars))
        }
    }

    @Test("with NFC, decoding gives the composed text back")
    func normalizedRoundTrip() throws {
        let tokenizer = try smallTokenizer("qwen2")
        for text in try Page.load().texts {
            let ids = try tokenizer.encode(text, addSpecialTokens: false)
            let composed = text.precomposedStringWithCanonicalMapping
            #expect(
                tokenizer.decode(ids, skipSpecialTokens: false).unicodeScalars.elementsEqual(composed.unicodeScalars))
        }
    }

    @Test("every character of Unicode comes back from its tokens")
    func everyCharacter() throws {
        let tokenizer = try smallTokenizer("llama3")
        for block in stride(from: UInt32(0), to: 0x110000, by: 0x1000) {
            let text = String(String.UnicodeScalarView((block..<(block + 0x1000)).compactMap(Unicode.Scalar.init)))
            let ids = try tokenizer.encode(text, addSpecialTokens: false)
            #expect(tokenizer.decodeBytes(ids, skipSpecialTokens: false) == Array(text.utf8))
        }
    }

    @Test("special tokens are skipped on request, other added tokens and unknown ids as stated")
    func skipping() throws {
        let tokenizer = try smallTokenizer("qwen2")
        let ids = try tokenizer.encode("<|im_start|>a<tool_call><|im_end|>", addSpecialTokens: false)
        #expect(tokenizer.decode(ids, skipSpecialTokens: true) == "a<tool_call>")
        #expect(tokenizer.decode(ids, skipSpecialTokens: false) == "<|im_start|>a<tool_call><|im_end|>")
        #expect(tokenizer.decode(ids + [-1, 1_000_000], skipSpecialTokens: true) == "a<tool_call>")
    }

    @Test("a stream gives whole characters only, and all of them")
    func stream() throws {
        let tokenizer = try smallTokenizer("gpt2")
        for text in try Page.load().texts where !text.contains("<") {
            var decoder = StreamDecoder(tokenizer, skipSpecialTokens: true)
            var pieces = try tokenizer.encode(text, addSpecialTokens: false).map { decoder.append($0) }
            #expect(
                !pieces.contains { $0.unicodeScalars.contains("\u{fffd}") } || text.unicodeScalars.contains("\u{fffd}"))
            pieces.append(decoder.finish())
            #expect(pieces.last == "")
            #expect(pieces.joined().unicodeScalars.elementsEqual(text.unicodeScalars))
        }
    }

    @Test("a stream that ends within a character ends with U+FFFD, and bad bytes do not hold it up")
    func brokenStream() throws {
        let tokenizer = try smallTokenizer("gpt2")
        let bytes = try tokenizer.encode("我", addSpecialTokens: false)
        #expect(bytes.count > 1)
        var decoder = StreamDecoder(tokenizer, skipSpecialTokens: true)
        #expect(decoder.append(bytes[0]) == "")
        #expect(decoder.finish() == "\u{fffd}")
        #expect(decoder.finish() == "")
        let continuation = try #require(tokenizer.id(of: "Ģ"))
        #expect(decoder.append(continuation) == "\u{fffd}")
        #expect(decoder.append(bytes[0]) == "")
        #expect(decoder.append(try #require(tokenizer.id(of: "a"))) == "\u{fffd}a")
    }

    @Test("ids and texts of tokens agree")
    func tokens() throws {
        let tokenizer = try smallTokenizer("gpt2")
        #expect(try tokenizer.id(of: "Ġ") == tokenizer.encode(" ", addSpecialTokens: false)[0])
        #expect(tokenizer.id(of: "no such token") == nil)
        let id = try #require(tokenizer.id(of: "<mask>"))
        #expect(tokenizer.decode([id], skipSpecialTokens: false) == "<mask>")
        #expect(Int(id) < tokenizer.vocabularySize)
    }

    @Test("bytes that a vocabulary lacks are named, and dropped")
    func droppedBytes() throws {
        #expect(try smallTokenizer("gpt2").droppedBytes == [])
        let tokenizer = try smallTokenizer("smollm2")
        #expect(tokenizer.droppedBytes.contains(0xff))
        let ids = try tokenizer.encode("a\u{1}b", addSpecialTokens: false)
        #expect(tokenizer.decode(ids, skipSpecialTokens: false) == "ab")
        var edited = try EditedTokenizer("smollm2")
        edited.model["unk_token"] = "e"
        #expect(try edited.tokenizer().droppedBytes == [])
    }
}
