import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("From texts to an export") struct TextPathTests {
        private static let configuration = """
            model: {checkpoint: policy}
            data: {train: texts.h5, validation: texts.h5}
            objective: {type: language_modeling}
            schedule: {steps: 3, tokens_per_step: 60}
            optimizer: {learning_rate: 0.001}
            run: {directory: run, threads: 1}

            """

        /// Texts; in `masked` ones only the second half of each counts.
        private func workspace(masked: Bool) throws -> Workspace {
            let workspace = try Workspace()
            var lines = randomTexts(count: 12, vocabulary: 509, lengths: 6...14, seed: 4)
            if masked {
                lines = try lines.split(separator: "\n").map { line in
                    var object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as! [String: Any]
                    let count = (object["input_ids"] as! [Any]).count
                    object["loss_mask"] = (0..<count).map { $0 < count / 2 ? 0 : 1 }
                    return String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self) + "\n"
                }.joined()
            }
            try workspace.folder.write(lines, to: "texts.jsonl")
            let result = try workspace.tandem(["prepare", "--input", "texts.jsonl", "--output", "texts.h5"])
            guard result.exitCode == 0 else { throw CommandFailed(result: result) }
            try workspace.folder.write(Self.configuration, to: "texts.yaml")
            return workspace
        }

        @Test("language modelling on preference pairs starts at the mean over the chosen completions' tokens, and learns them")
        func pairs() throws {
            let workspace = try Workspace()
            let scores = try workspace.score("policy")
            let chosen = scores.map { $0.parts[0] }
            let mean = -chosen.reduce(0) { $0 + $1.sum } / Double(chosen.reduce(0) { $0 + $1.tokens.count })
            try workspace.folder.write(
                Self.configuration.replacing("texts.h5", with: "pairs.h5").replacing("tokens_per_step: 60", with: "pairs_per_step: 4"),
                to: "config.yaml")
            let losses = try workspace.train().evaluated("loss")
            #expect(isClose(losses[0], mean, relative: 1e-9))
            #expect(losses.last! < losses[0])
        }

        @Test("the loss before training is the mean over the tokens that count, on every layout", arguments: [false, true])
        func loss(masked: Bool) throws {
            let workspace = try workspace(masked: masked)
            let scores = try workspace.score("policy", data: "texts.h5")
            let counted = try readJSONL(workspace.file("texts.jsonl")).map { record -> Int in
                let mask = record["loss_mask"] as? [Int]
                return mask.map { $0.reduce(0, +) } ?? (record["input_ids"] as! [Any]).count - 1
            }
            #expect(scores.map { $0.parts[0].tokens.count } == counted)
            let loss = -scores.reduce(0) { $0 + $1.parts[0].sum } / Double(counted.reduce(0, +))
            let single = try workspace.train(configuration: "texts.yaml", into: "single")
            #expect(isClose(single.evaluated("loss")[0], loss, relative: 1e-9))
            #expect(single.evaluated("loss").last! < loss)
            for tensor in [1, 2] {
                let other = try workspace.train(
                    ["parallel.tensor=\(tensor)"], configuration: "texts.yaml", ranks: 2, into: "tensor-\(tensor)")
                for (ours, theirs) in zip(single.values("loss"), other.values("loss")) {
                    #expect(isClose(ours, theirs, relative: 1e-5))
                }
            }
        }

        @Test("a mask changes what is trained on")
        func mask() throws {
            let plain = try workspace(masked: false).train(configuration: "texts.yaml")
            let masked = try workspace(masked: true).train(configuration: "texts.yaml")
            #expect(plain.values("tokens") == masked.values("tokens"))
            #expect(plain.values("loss") != masked.values("loss"))
        }

        @Test("a run of texts logs no rewards, and a step takes whole texts until the tokens asked for are reached")
        func metrics() throws {
            let metrics = try workspace(masked: false).train(configuration: "texts.yaml")
            #expect(metrics.steps.map { $0["step"] as? Double } == [1, 2, 3])
            for step in metrics.steps {
                for name in ["loss", "grad_norm", "learning_rate", "epoch", "tokens", "entropy", "mean_token_accuracy"] {
                    #expect(step[name] is Double, "\(name)")
                }
                #expect(!step.keys.contains { $0.hasPrefix("rewards/") || $0.hasPrefix("logps/") })
            }
            // Whole texts, the longest of 14 tokens, until 60 are reached; the epoch's last step may be smaller.
            #expect(metrics.values("tokens").allSatisfy { $0 > 0 && $0 < 60 + 14 } && metrics.values("tokens")[0] >= 60)
        }

        @Test("a model of model.config's fields starts at random, trains, and exports a whole folder", arguments: [nil, 2])
        func randomModel(ranks: Int?) throws {
            let workspace = try workspace(masked: false)
            let fields = """
                {model_type: qwen2, vocab_size: 509, hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2,
                num_attention_heads: 4, num_key_value_heads: 2, rms_norm_eps: 1e-6, max_position_embeddings: 64,
                tie_word_embeddings: true, rope_theta: 10000.0}
                """.replacingOccurrences(of: "\n", with: " ")
            try workspace.folder.write(
                Self.configuration.replacingOccurrences(of: "checkpoint: policy", with: "config: \(fields)"), to: "texts.yaml")
            let metrics = try workspace.train(configuration: "texts.yaml", ranks: ranks)
            #expect(abs(metrics.evaluated("loss")[0] - log(509)) < 0.1, "a random model knows nothing")
            #expect(metrics.evaluated("loss").last! < metrics.evaluated("loss")[0])
            #expect(try workspace.json("run/export/config.json")["model_type"] as? String == "qwen2")
            #expect(try workspace.tandem(["inspect", "run/export", "--verify"]).exitCode == 0)
            let scores = try workspace.score("run/export", data: "texts.h5")
            let tokens = scores.reduce(0) { $0 + $1.parts[0].tokens.count }
            let loss = -scores.reduce(0) { $0 + $1.parts[0].sum } / Double(tokens)
            #expect(isClose(metrics.evaluated("loss").last!, loss, relative: 1e-5))
            let again = try workspace.train(configuration: "run/config.yaml", ranks: ranks, into: "again")
            #expect(metrics.values("loss") == again.values("loss"), "the seed decides the weights")
            let other = try workspace.train(["run.seed=18"], configuration: "run/config.yaml", ranks: ranks, into: "other")
            #expect(metrics.evaluated("loss")[0] != other.evaluated("loss")[0])
        }
    }
}
