import Foundation
import TestSupport
import Testing

extension Workspace {
    /// A tokenizer of the tokens `a`, `b`, … with these ids, and an added one for each of `added`.
    func writeTokenizer(_ folder: String, added: [String] = []) throws {
        let letters = (0..<26).map { String(UnicodeScalar(UInt8(97 + $0))) }
        let object: [String: Any] = [
            "version": "1.0", "normalizer": NSNull(), "post_processor": NSNull(),
            "added_tokens": added.enumerated().map { index, token in
                [
                    "id": letters.count + index, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true,
                ] as [String: Any]
            },
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false] as [String: Any],
            "decoder": ["type": "ByteLevel"] as [String: Any],
            "model": [
                "type": "BPE", "vocab": Dictionary(uniqueKeysWithValues: letters.enumerated().map { ($1, $0) }), "merges": [String](),
            ] as [String: Any],
        ]
        try write(try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), to: folder + "/tokenizer.json")
    }

    /// More rows of embedding and head, as `Fixtures/heads/make.py` makes them.
    func pad(_ folder: String, rows count: Int = 8) throws {
        let model = try json(folder + "/config.json")
        let (width, size) = (model["hidden_size"] as! Int, model["vocab_size"] as! Int)
        let more = (0..<count * width).reduce(into: Data()) { data, index in
            withUnsafeBytes(of: Float(index % 13 - 6) / 64) { data.append(contentsOf: $0) }
        }
        try edit(folder + "/model.safetensors") { file in
            for name in ["model.embed_tokens.weight", "lm_head.weight"] {
                let bytes = file.bytes(of: name) + more
                file.setShape([size + count, width], of: name)
                file.replace(name, bytes)
            }
        }
        try edit(json: folder + "/config.json", ["vocab_size": size + count])
    }
}

extension CommandTests {
    @Suite("References with other padding rows") struct PaddedReferenceTests {
        /// Fixtures/heads/make.py: each model's probabilities are over all of its own rows.
        static let peer: [String: [String: Double]] = [
            "reference": ["loss": 0.7578639765506134, "rewards/chosen": -0.09860616959231638, "rewards/rejected": 0.020559882736377412],
            "policy": ["loss": 0.7537162462487228, "rewards/chosen": -0.11757399550643095, "rewards/rejected": -0.007059672920852123],
        ]

        @Test("a preference run is the peer's where one model has more rows, on every cut", arguments: ["reference", "policy"], RankCut.all)
        func values(padded: String, cut: RankCut) throws {
            let workspace = try Workspace.golden()
            try workspace.pad(padded)
            for folder in ["policy", "reference"] { try workspace.writeTokenizer(folder, added: ["<s>"]) }
            let result = try workspace.tandem(["train", "config.yaml", "--set", "parallel.tensor=\(cut.tensor)"], ranks: cut.ranks)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let row = try #require(try workspace.metrics().first)
            for (name, value) in Self.peer[padded]! { #expect(abs(row[name] as! Double - value) < 1e-5, "\(name): \(row[name]!)") }
        }

        @Test("a reference in a layout of its own, and one whose values are cached, give the same")
        func placed() throws {
            let workspace = try Workspace.golden()
            try workspace.pad("reference")
            for folder in ["policy", "reference"] { try workspace.writeTokenizer(folder) }
            for (ranks, setting) in [(nil, "cache=memory"), (2, "layout={data: 1, tensor: 2}")] as [(Int?, String)] {
                let loss = try workspace.train(["references.sft.\(setting)"], ranks: ranks, into: "run-\(ranks ?? 1)").values("loss")[0]
                #expect(abs(loss - Self.peer["reference"]!["loss"]!) < 1e-5)
            }
        }

        static let refusals = [
            Refusal(
                "rows of which nothing says that they are padding", exit: Exit.configuration,
                says: ["references.sft.checkpoint", "the reference reference has 517", "the policy policy 509", "padding", "tokenizer.json"]
            ) { try $0.pad("reference") },
            Refusal(
                "other tokens under the same ids", exit: Exit.configuration,
                says: ["references.sft.checkpoint", "token 26", #""<b>" to the reference"#, #""<a>" to the policy"#]
            ) {
                try $0.writeTokenizer("policy", added: ["<a>"])
                try $0.writeTokenizer("reference", added: ["<b>"])
            },
            Refusal(
                "a token id that the reference has no row for", exit: Exit.damagedData,
                says: ["pairs.h5: record 1", "token id 510", "reference", "509"]
            ) {
                try $0.pad("policy")
                for folder in ["policy", "reference"] { try $0.writeTokenizer(folder) }
                _ = try makeDataset(
                    "{\"prompt_ids\": [5], \"chosen_ids\": [6], \"rejected_ids\": [7]}\n{\"prompt_ids\": [5], \"chosen_ids\": [510], \"rejected_ids\": [7]}\n",
                    in: $0.folder, named: "pairs")
            },
        ]

        @Test("what is not padding is refused in one line", arguments: refusals)
        func refused(refusal: Refusal) throws { try refusal.check(in: Workspace()) }

        @Test("a token that one of two models of the same size has alone is no reason to refuse")
        func ownTokens() throws {
            let workspace = try Workspace()
            try workspace.writeTokenizer("policy", added: ["<a>", "<pad>"])
            try workspace.writeTokenizer("reference", added: ["<a>"])
            let result = try workspace.tandem(["train", "config.yaml"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
        }

        @Test("tokenizers that can't be compared are named, and the run goes on")
        func unreadable() throws {
            let workspace = try Workspace()
            try workspace.writeTokenizer("policy")
            try workspace.folder.write(#"{"model": {"type": "Unigram", "vocab": [["a", -1.5]]}}"#, to: "reference/tokenizer.json")
            let result = try workspace.tandem(["train", "config.yaml"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(
                result.output.contains("note: the tokens of reference are not compared with those of policy: reference/tokenizer.json: model.type"))
        }
    }
}
