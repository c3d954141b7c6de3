import Foundation
import Settings
import TestSupport
import Testing

@Suite(.serialized) struct GenerateTests {
    /// A random model of 732 tokens beside the quickstart's tokenizer.
    private func checkpoint(in folder: TemporaryFolder, vocabulary: Int = 732) throws -> String {
        var configuration = unevenConfiguration(.llama)
        configuration.vocabularySize = vocabulary
        let path = try makeCheckpoint(configuration, seed: 4, in: folder, named: "model")
        for file in ["tokenizer.json", "tokenizer_config.json"] {
            try FileManager.default.copyItem(atPath: "\(quickstartTokenizer)/\(file)", toPath: "\(path)/\(file)")
        }
        return path
    }

    private func generate(_ checkpoint: String, _ arguments: [String], ranks: Int? = nil) throws -> ProcessResult {
        try runProgram(
            "tandem", ["generate", "--checkpoint", checkpoint, "--max-new-tokens", "24"] + arguments, ranks: ranks)
    }

    @Test("greedy text is the same on one, two and three ranks")
    func ranks() throws {
        let folder = TemporaryFolder()
        let model = try checkpoint(in: folder)
        let alone = try generate(model, ["--prompt", "The fox eats"])
        #expect(alone.exitCode == 0, "\(alone.errorOutput)")
        #expect(alone.output.count > 5)
        for count in [2, 3] {
            #expect(try generate(model, ["--prompt", "The fox eats"], ranks: count).output == alone.output)
        }
    }

    @Test("a seed repeats its draws on any number of ranks, another seed draws otherwise")
    func seeds() throws {
        let folder = TemporaryFolder()
        let model = try checkpoint(in: folder)
        let drawn = ["--prompt", "The owl", "--temperature", "1.5", "--top-p", "0.95", "--seed"]
        let first = try generate(model, drawn + ["5"])
        #expect(first.exitCode == 0)
        #expect(try generate(model, drawn + ["5"], ranks: 2).output == first.output)
        #expect(try generate(model, drawn + ["6"]).output != first.output)
    }

    @Test("generation stops at the ends that config.json names, a number or a list, where nothing else does")
    func modelsOwnEnds() throws {
        let folder = TemporaryFolder()
        let model = try checkpoint(in: folder)
        let url = URL(fileURLWithPath: model + "/config.json")
        let original = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as! [String: Any]
        func text(_ ends: Any?, ranks: Int? = nil) throws -> String {
            var changed = original
            changed["eos_token_id"] = ends
            try JSONSerialization.data(withJSONObject: changed).write(to: url)
            let result = try generate(model, ["--prompt", "The fox eats"], ranks: ranks)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            return result.output.trimmingCharacters(in: .newlines)
        }
        let whole = try text(nil)
        // Greedy tokens are random ones of 732: any of them ends the first text, and one of the upper half comes soon.
        let (any, upper) = (try text(Array(0..<732)), try text(Array(366..<732)))
        #expect(any.count < whole.count && upper.count < whole.count && upper.hasPrefix(any) && whole.hasPrefix(upper))
        #expect(try text(Array(0..<732), ranks: 2) == any)
        // The first token that is written, by halves; then as a number.
        var first = 0..<732
        while first.count > 1 {
            let half = first.lowerBound..<(first.lowerBound + first.count / 2)
            first = try text(Array(half)) == any ? half : half.upperBound..<first.upperBound
        }
        #expect(try text(first.lowerBound) == any)
        // What generation_config.json says comes first.
        try folder.write(#"{"eos_token_id": 731}"#, to: "model/generation_config.json")
        #expect(try text(Array(0..<732)) != any)
    }

    @Test("a tied model whose stored head has other values writes what the untied one writes, and says so apart from it", arguments: [nil, 2])
    func storedHead(ranks: Int?) throws {
        let folder = TemporaryFolder()
        let model = try checkpoint(in: folder)
        let untied = try generate(model, ["--prompt", "The fox eats"], ranks: ranks)
        let url = URL(fileURLWithPath: model + "/config.json")
        var changed = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as! [String: Any]
        #expect(changed["tie_word_embeddings"] as? Bool == false)
        changed["tie_word_embeddings"] = true
        try JSONSerialization.data(withJSONObject: changed).write(to: url)
        let tied = try generate(model, ["--prompt", "The fox eats"], ranks: ranks)
        #expect(tied.exitCode == 0 && tied.output == untied.output && tied.output.count > 5)
        #expect(tied.errorOutput.components(separatedBy: "tandem: note: \(model)/config.json ties the head").count == 2)
    }

    @Test("a missing tokenizer, one that doesn't fit, an empty or too long prompt and bad options are told in one line")
    func refusals() throws {
        let folder = TemporaryFolder()
        let model = try checkpoint(in: folder, vocabulary: 100)
        let long = String(repeating: "fox ", count: 300)
        for (arguments, code, words) in [
            (["--prompt", "The fox"], Int32(78), "tokenizer"), (["--prompt", ""], 64, "empty"),
            (["--prompt", "a", "--temperature", "-1"], 64, "temperature"), (["--prompt", "a", "--top-p", "0"], 64, "top-p"),
            (["--prompt", long], 78, "tokenizer"),
        ] {
            let result = try generate(model, arguments)
            #expect(result.exitCode == code, "\(arguments): \(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines[0].contains(words))
        }
        let bare = try makeCheckpoint(unevenConfiguration(.llama), seed: 1, in: folder, named: "bare")
        let missing = try generate(bare, ["--prompt", "a"])
        #expect(missing.exitCode == 66)
        #expect(missing.causeLines.count == 1 && missing.causeLines[0].contains("tokenizer.json"))
    }
}
