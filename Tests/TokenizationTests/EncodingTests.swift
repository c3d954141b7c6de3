import Foundation
import Settings
import Testing

@testable import Tokenization

private let styles = ["gpt2", "smollm2", "qwen2", "llama3"]

@Suite("Encoding")
struct EncodingTests {
    @Test("a page of Unicode trouble has the ids that Hugging Face gives", arguments: styles)
    func page(_ style: String) throws {
        let page = try Page.load()
        let tokenizer = try smallTokenizer(style)
        for (text, ids) in zip(page.texts, try #require(page.ids[style])) {
            #expect(try tokenizer.encode(text, addSpecialTokens: true) == ids, "\(style): \(text.debugDescription)")
        }
    }

    @Test(
        "words end where Hugging Face ends them, at characters of new and odd kinds too",
        arguments: ["smollm2", "qwen2"])
    func cuts(_ style: String) throws {
        let cuts = try JSONDecoder().decode(Page.self, from: fixture("cuts.json"))
        var edited = try EditedTokenizer(style)
        edited.joinAllPairs()
        let tokenizer = try edited.tokenizer()
        for (text, ids) in zip(cuts.texts, try #require(cuts.ids[style])) {
            #expect(try tokenizer.encode(text, addSpecialTokens: true) == ids, "\(style): \(text.debugDescription)")
        }
    }

    private struct Variant: Decodable {
        let name: String
        let base: String?
        let ids: [[Int32]]
    }

    @Test("every supported component and option gives Hugging Face's ids")
    func variants() throws {
        let data = try fixture("variants.json")
        let trees = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
        let variants = try JSONDecoder().decode([Variant].self, from: data)
        let texts = try Page.load().texts.dropLast(8)
        let chosen = stride(from: 0, to: texts.count, by: 2).map { texts[$0] }
        for (variant, tree) in zip(variants, trees) {
            var edited = try EditedTokenizer(variant.base ?? "gpt2")
            for (part, value) in tree["changes"] as? [String: Any] ?? [:] { edited.root[part] = value }
            for (option, value) in tree["model"] as? [String: Any] ?? [:] { edited.model[option] = value }
            let tokenizer = try edited.tokenizer()
            #expect(variant.ids.count == chosen.count)
            for (text, ids) in zip(chosen, variant.ids) {
                #expect(
                    try tokenizer.encode(text, addSpecialTokens: true) == ids, "\(variant.name): \(text.debugDescription)")
            }
        }
    }

    @Test("special tokens are put around a text only where they are asked for")
    func specialTokens() throws {
        let tokenizer = try smallTokenizer("llama3")
        let begin = try #require(tokenizer.id(of: "<|begin_of_text|>"))
        let plain = try tokenizer.encode("a b", addSpecialTokens: false)
        #expect(try tokenizer.encode("a b", addSpecialTokens: true) == [begin] + plain)
        #expect(!plain.contains(begin))
        #expect(tokenizer.isSpecial(begin))
        #expect(!tokenizer.isSpecial(plain[0]))
    }

    @Test("a word joined by the heap has the tokens of a word joined by scanning")
    func heap() throws {
        let tokenizer = try smallTokenizer("gpt2")
        var random = Sequence64(state: 3)
        let letters = Array("etaoinshrdlu")
        for length in [47, 48, 49, 50, 200, 2_000] {
            let word = String((0..<length).map { _ in letters.randomElement(using: &random)! })
            #expect(try tokenizer.encode(word, addSpecialTokens: false) == naive(word, tokenizer), "\(length) letters")
        }
        for word in [String(repeating: "l", count: 301), String(repeating: "er", count: 100)] {
            #expect(try tokenizer.encode(word, addSpecialTokens: false) == naive(word, tokenizer))
        }
    }

    /// Byte-pair encoding as its definition says, for ASCII letters.
    private func naive(_ word: String, _ tokenizer: Tokenizer) -> [Int32] {
        let merges = (try! EditedTokenizer("gpt2").model["merges"] as! [String])
        let ranks = Dictionary(uniqueKeysWithValues: merges.enumerated().map { ($1, $0) })
        var parts = word.map(String.init)
        while true {
            let pairs = zip(parts, parts.dropFirst()).map { ranks["\($0) \($1)"] ?? Int.max }
            guard let best = pairs.min(), best < Int.max, let place = pairs.firstIndex(of: best) else { break }
            parts[place] += parts.remove(at: place + 1)
        }
        return parts.map { tokenizer.id(of: $0)! }
    }

    @Test("ten times as long a word takes about ten times as long, not a hundred times")
    func longWord() throws {
        let tokenizer = try smallTokenizer("qwen2")
        var random = Sequence64(state: 5)
        let letters = Array("etaoinshrdlu")
        let word = String((0..<200_000).map { _ in letters.randomElement(using: &random)! })
        var ids: [Int32] = []
        let short = try processorSeconds { _ = try tokenizer.encode(String(word.prefix(20_000)), addSpecialTokens: false) }
        let long = try processorSeconds { ids = try tokenizer.encode(word, addSpecialTokens: false) }
        #expect(tokenizer.decode(ids, skipSpecialTokens: false) == word)
        #expect(long < 40 * short)
    }

    /// Of this thread alone: other work of the machine does not count.
    private func processorSeconds(_ body: () throws -> Void) rethrows -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
        let start = now()
        try body()
        return now() - start
    }

    @Test("threads that encode at once get what one thread gets")
    func threads() throws {
        let tokenizer = try smallTokenizer("qwen2")
        let texts = try Page.load().texts
        let alone = try texts.map { try tokenizer.encode($0, addSpecialTokens: true) }
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for (text, ids) in zip(texts, alone) { #expect((try? tokenizer.encode(text, addSpecialTokens: true)) == ids) }
        }
    }

    @Test("bytes give the ids of their text, and bytes that are not UTF-8 are refused by their place")
    func bytes() throws {
        let tokenizer = try smallTokenizer("gpt2")
        for text in try Page.load().texts {
            #expect(
                try tokenizer.encode(utf8: Array(text.utf8), addSpecialTokens: true)
                    == tokenizer.encode(text, addSpecialTokens: true))
        }
        let bad: [([UInt8], Int)] = [
            ([0x61, 0xff], 1), ([0xc3], 0), ([0x61, 0xed, 0xa0, 0x80], 1), ([0xf4, 0x90, 0x80, 0x80], 0),
            ([0xc0, 0xaf], 0),
        ]
        for (bytes, place) in bad {
            let failure = #expect(throws: Failure.self) { try tokenizer.encode(utf8: bytes, addSpecialTokens: false) }
            #expect(failure?.exitCode == .damagedData)
            #expect(failure?.description.contains("byte \(place)") == true)
        }
    }

    @Test("starts cut the text into its tokens", arguments: styles)
    func starts(_ style: String) throws {
        let tokenizer = try smallTokenizer(style)
        for text in try Page.load().texts {
            let tokens = try tokenizer.encodeWithStarts(text, addSpecialTokens: false)
            let bytes = Array(text.utf8)
            #expect(try tokens.ids == tokenizer.encode(text, addSpecialTokens: false))
            #expect(tokens.starts.count == tokens.ids.count)
            #expect(tokens.starts == tokens.starts.sorted())
            // Where nothing is normalised, stripped or dropped, a token's bytes stand at its start.
            guard tokenizer.decodeBytes(tokens.ids, skipSpecialTokens: false) == bytes else { continue }
            for (index, start) in tokens.starts.enumerated() {
                let end = index + 1 < tokens.starts.count ? tokens.starts[index + 1] : bytes.count
                #expect(
                    Array(bytes[start..<end]) == tokenizer.decodeBytes([tokens.ids[index]], skipSpecialTokens: false))
            }
        }
    }

    @Test("starts count bytes of the text as it was before normalisation")
    func startsAfterNormalization() throws {
        let tokenizer = try smallTokenizer("qwen2")
        let text = "cafe\u{301} x<|im_end|>y"
        let tokens = try tokenizer.encodeWithStarts(text, addSpecialTokens: false)
        let mark = try #require(tokenizer.id(of: "<|im_end|>"))
        let end = try #require(tokens.ids.firstIndex(of: mark))
        #expect(tokens.starts[end] == 8)
        #expect(tokens.starts[end + 1] == 18)
        for text in try Page.load().texts {
            let starts = try tokenizer.encodeWithStarts(text + "<|im_end|>" + text, addSpecialTokens: false).starts
            #expect(starts == starts.sorted(), "\(text.debugDescription)")
        }
    }
}
