import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// A command that computes with a model and trains nothing: it names tensor and record, and leaves nothing behind.
    @Suite("Values that are not finite, in other commands") struct NonFiniteCommandTests {
        static let cuts = [RankCut(testDescription: "data 2 × tensor 2", ranks: 4, tensor: 2)] + RankCut.all
        private static let weight = "model.layers.1.mlp.gate_proj.weight"

        private func line(_ result: ProcessResult) -> String {
            #expect(result.exitCode == 70 && result.causeLines.count == 1, "\(result.output) \(result.errorOutput)")
            return result.causeLines.first ?? ""
        }

        @Test("score names the first tensor and the only record that has such values, and writes no file", arguments: cuts)
        func scored(cut: RankCut) throws {
            let workspace = try Workspace.spoilt()
            let before = try workspace.snapshot()
            let words = line(
                try workspace.tandem(
                    ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl", "--tensor", "\(cut.tensor)"],
                    ranks: cut.ranks))
            #expect(
                words.firstMatch(
                    of:
                        /tandem: policy, rank \d, micro-batch 0 \(record 5 of pairs.h5\): model.embed_tokens output has 40 of \d+ values that are not finite/
                )
                    != nil, "\(words)")
            #expect(words.contains("; so has model.embed_tokens.weight. ") && words.contains("tandem inspect --verify policy"))
            #expect(try workspace.snapshot() == before && workspace.remainingProcesses().isEmpty)
            // Records without such values are none of its business.
            guard cut.ranks == nil else { return }
            let others = try workspace.tandem(["score", "--checkpoint", "policy", "--data", "others.h5", "--output", "scores.jsonl"])
            #expect(others.exitCode == 0, "\(others.errorOutput)")
            #expect(try readJSONL(workspace.file("scores.jsonl")).count == 8)
        }

        @Test("a head that is no number is told by its weights: logits are never whole")
        func head() throws {
            let workspace = try Workspace()
            try workspace.set("lm_head.weight", of: "policy", row: 300, to: .infinity)
            let words = line(
                try workspace.tandem(
                    ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl", "--tensor", "2"], ranks: 2))
            #expect(words.contains("log-probabilities has") && words.contains("; so has lm_head.weight"), "\(words)")
        }

        @Test("evaluate names the policy's first tensor and its record, or the reference's", arguments: cuts)
        func evaluated(cut: RankCut) throws {
            for (model, name) in [("policy", ""), ("reference", "reference sft's ")].prefix(cut.ranks == 4 ? 1 : 2) {
                let workspace = try Workspace.spoilt(model: model)
                let before = try workspace.snapshot()
                let words = line(
                    try workspace.tandem(
                        ["evaluate", "config.yaml", "--set", "data.validation=pairs.h5", "--set", "parallel.tensor=\(cut.tensor)"]
                            + (model == "policy" ? [] : ["--set", "optimizer.non_finite=skip"]), ranks: cut.ranks))
                #expect(
                    words.contains("evaluation of validation, rank ")
                        && words.contains("(record 5 of pairs.h5): \(name)model.embed_tokens output has 40 of"), "\(words)")
                #expect(try workspace.snapshot() == before && workspace.remainingProcesses().isEmpty)
            }
        }

        @Test("generate names the first tensor on every rank count, and writes no text of it", arguments: [nil, 2, 3])
        func generated(ranks: Int?) throws {
            let workspace = try Workspace()
            var model = unevenConfiguration(.llama)
            model.vocabularySize = 732
            try makeCheckpoint(model, seed: 4, in: workspace.folder, named: "model")
            for file in ["tokenizer.json", "tokenizer_config.json"] {
                try FileManager.default.copyItem(atPath: "\(quickstartTokenizer)/\(file)", toPath: workspace.file("model/\(file)"))
            }
            let arguments = ["generate", "--checkpoint", "model", "--prompt", "The fox", "--max-new-tokens", "4"]
            #expect(try workspace.tandem(arguments, ranks: ranks).exitCode == 0)
            // The last rank's columns.
            try workspace.set(Self.weight, of: "model", row: 111, to: .nan)
            let result = try workspace.tandem(arguments, ranks: ranks)
            let words = line(result)
            #expect(
                words.contains("--prompt, new token 1, rank \((ranks ?? 1) - 1): model.layers.1.mlp.gate_proj output has")
                    && words.contains("; so has \(Self.weight)"), "\(words)")
            #expect(result.output.isEmpty && workspace.remainingProcesses().isEmpty)
        }

        @Test("inspect --verify names the tensor and the row; without it nothing is read")
        func inspected() throws {
            let workspace = try Workspace()
            #expect(try workspace.tandem(["inspect", "policy", "--verify"]).output.hasSuffix("every value is a finite number\n"))
            try workspace.set(Self.weight, of: "policy", row: 7, to: .nan)
            #expect(try workspace.tandem(["inspect", "policy"]).exitCode == 0)
            for path in ["policy", "policy/model.safetensors"] {
                let result = try workspace.tandem(["inspect", path, "--verify"])
                #expect(result.exitCode == Exit.damagedData && result.causeLines.count == 1, "\(result.errorOutput)")
                let words = "policy/model.safetensors: tensor \(Self.weight) has 40 of 4480 values that are not finite, the first in row 7"
                #expect(result.causeLines.first?.contains(words) == true, "\(result.errorOutput)")
            }
        }

        @Test("convert refuses what is no number, of folders and GGUF files, and what bfloat16 has no room for; nothing is left")
        func converted() throws {
            let workspace = try Workspace()
            try workspace.set(Self.weight, of: "policy", row: 7, to: .nan)
            try workspace.makeGGUF()
            try workspace.set(Self.weight, of: "policy", row: 7, to: 3.4e38)
            try workspace.copy("policy", to: "large")
            try workspace.set(Self.weight, of: "policy", row: 9, to: .infinity)
            let before = try workspace.snapshot()
            for (arguments, words) in [
                (["policy", "out"], "policy: tensor \(Self.weight) has a value in row 9 that is not finite"),
                (["model.gguf", "out"], "model.gguf: tensor \(Self.weight) has a value in row 7 that is not finite"),
                (["large", "out", "--dtype", "bfloat16"], "large: tensor \(Self.weight) has a value in row 7 that is too large for BF16"),
            ] {
                let result = try workspace.tandem(["convert"] + arguments)
                #expect(result.exitCode == Exit.damagedData && result.causeLines.first?.contains(words) == true, "\(result.errorOutput)")
                #expect(try workspace.snapshot() == before)
            }
            #expect(try workspace.tandem(["convert", "large", "out"]).exitCode == 0)
        }
    }
}
