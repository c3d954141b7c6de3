import Foundation
import TestSupport
import Testing

extension Workspace {
    /// Three steps of four pairs; the embedding of a token that only record 5 has, of the second step, is spoilt.
    static func spoilt(model: String = "policy", token: Int = 508) throws -> Workspace {
        let lines = randomPairs(count: 12, vocabulary: 508, lengths: 3...12, seed: 5).split(separator: "\n").map(String.init)
        let workspace = try Workspace(
            pairs: lines.enumerated().map { index, line in
                (index == 5 ? line.replacing("\"prompt_ids\": [", with: "\"prompt_ids\": [\(token), ") : line) + "\n"
            }.joined())
        let text = Workspace.configuration
            .replacing("validation: pairs.h5", with: "shuffle: false").replacing("steps: 2", with: "steps: 3")
        try workspace.folder.write(text, to: "config.yaml")
        // The same without the second step's records.
        try workspace.folder.write((lines[..<4] + lines[8...]).map { $0 + "\n" }.joined(), to: "others.jsonl")
        let prepared = try workspace.tandem(["prepare", "--input", "others.jsonl", "--output", "others.h5"])
        guard prepared.exitCode == 0 else { throw CommandFailed(result: prepared) }
        try workspace.set("model.embed_tokens.weight", of: model, row: token, to: .nan)
        return workspace
    }

    /// Sets a row of a matrix of a checkpoint.
    func set(_ tensor: String, of model: String, row: Int, to value: Float) throws {
        try edit(model + "/model.safetensors") { file in
            let entry = file.header[tensor] as! [String: Any]
            let (shape, place) = (entry["shape"] as! [Int], entry["data_offsets"] as! [Int])
            let start = place[0] + row * shape[1] * 4
            let bytes = (0..<shape[1]).reduce(into: Data()) { data, _ in withUnsafeBytes(of: value) { data.append(contentsOf: $0) } }
            file.data.replaceSubrange(start..<start + bytes.count, with: bytes)
        }
    }
}

extension CommandTests {
    @Suite("Values that are not finite") struct NonFiniteTests {
        struct Cut: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let ranks: Int?
            let settings: [String]
            init(_ words: String, _ ranks: Int?, _ settings: [String] = []) {
                (testDescription, self.ranks, self.settings) = (words, ranks, settings.flatMap { ["--set", $0] })
            }
        }

        static let cuts = [
            Cut("one rank", nil, ["schedule.tokens_per_micro_batch=60"]), Cut("data 2", 2), Cut("data 2, state shared", 2, ["parallel.zero=1"]),
            Cut("tensor 2", 2, ["parallel.tensor=2"]), Cut("data 2 × tensor 2, state shared", 4, ["parallel.tensor=2", "parallel.zero=1"]),
        ]
        private static let skipping = ["--set", "optimizer.non_finite=skip"]

        private func line(_ result: ProcessResult) -> String {
            #expect(result.exitCode == 70 && result.causeLines.count == 1, "\(result.errorOutput)")
            return result.causeLines.first ?? ""
        }

        @Test(
            "stop: one line names step, rank, micro-batch, records and tensor; nothing was updated, and a dump is kept",
            arguments: [cuts[0], cuts[2], cuts[3]])
        func stops(cut: Cut) throws {
            let workspace = try Workspace.spoilt()
            let every = ["--set", "run.checkpoint_every=1"]
            let words = line(try workspace.tandem(["train", "config.yaml"] + every + cut.settings, ranks: cut.ranks))
            let found = try #require(
                words.firstMatch(
                    of: /tandem: step 2, rank (\d), micro-batch (\d) \(records? ([0-9, ]+) of pairs.h5\): (.*) has (\d+) of (\d+) values/),
                "\(words)")
            #expect(found.3.contains("5") && found.4 == "model.embed_tokens output" && found.5 == "40")
            #expect(words.contains("so has model.embed_tokens.weight") && words.contains("Nothing was updated."))
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed" && status["step"] as? Int == 1)
            #expect((status["reason"] as? String).map { "tandem: \($0)" } == words)
            #expect(workspace.exists("run/checkpoints/step-1") && !workspace.exists("run/checkpoints/step-2"))
            #expect(workspace.remainingProcesses().isEmpty)

            let dump = "run/dumps/step-2-rank-\(found.1)"
            #expect(words.contains("'tandem inspect \(dump)'"))
            let shown = try workspace.tandem(["inspect", dump])
            #expect(shown.exitCode == 0, "\(shown.errorOutput)")
            for word in ["micro-batch \(found.2)", "508", "model.embed_tokens output", "not finite: model.embed_tokens.weight", "nan"] {
                #expect(shown.output.contains(word), "\(word): \(shown.output)")
            }

            // All layouts go on alike: one is enough.
            guard cut.ranks == nil else { return }
            // The setting may change where a run goes on.
            let resumed = try workspace.tandem(["train", "config.yaml", "--resume"] + Self.skipping + every + cut.settings, ranks: cut.ranks)
            #expect(resumed.exitCode == 0, "\(resumed.errorOutput)")
            let whole = try workspace.tandem(
                ["train", "config.yaml", "--set", "run.directory=whole"] + Self.skipping + cut.settings, ranks: cut.ranks)
            #expect(whole.exitCode == 0 && whole.output.contains("note: step 2 changes nothing: rank"), "\(whole.output)")
            #expect(try workspace.bytes("run/export/model.safetensors") == workspace.bytes("whole/export/model.safetensors"))
        }

        @Test("skip: the other steps are bit for bit those of a run without that step's records", arguments: cuts)
        func skips(cut: Cut) throws {
            let workspace = try Workspace.spoilt()
            func train(_ arguments: [String]) throws {
                let result = try workspace.tandem(["train", "config.yaml"] + arguments + cut.settings, ranks: cut.ranks)
                #expect(result.exitCode == 0, "\(result.errorOutput)")
            }
            try train(Self.skipping + ["--set", "run.checkpoint_every=2"])
            try train(["--set", "data.train=others.h5", "--set", "schedule.steps=2", "--set", "run.directory=others"])
            #expect(try workspace.bytes("run/export/model.safetensors") == workspace.bytes("others/export/model.safetensors"))
            let (rows, others) = (try readJSONL(workspace.file("run/metrics.jsonl")), try readJSONL(workspace.file("others/metrics.jsonl")))
            #expect(rows.count == 3 && others.count == 2)
            for (row, other) in zip([rows[0], rows[2]], others) {
                for key in ["loss", "grad_norm", "learning_rate"] { #expect(row[key] as? Double == other[key] as? Double, "\(key)") }
            }
            #expect(rows.map { $0["skipped"] as? Int } == [0, 1, 1])
            #expect(rows[1]["loss"] is NSNull && rows[1]["grad_norm"] is NSNull)

            // What was skipped is known to a run that goes on after it.
            let export = try workspace.bytes("run/export/model.safetensors")
            try workspace.remove("run/export")
            try train(["--resume"] + Self.skipping)
            #expect(try workspace.bytes("run/export/model.safetensors") == export)
            #expect(try readJSONL(workspace.file("run/metrics.jsonl")).map { $0["skipped"] as? Int } == [0, 1, 1])
        }

        @Test("the tensor rank is named whose part goes wrong first", arguments: [(0, 0), (111, 1)])
        func tensorRank(row: Int, rank: Int) throws {
            let workspace = try Workspace()
            try workspace.set("model.layers.1.mlp.gate_proj.weight", of: "policy", row: row, to: 3e38)
            let result = try workspace.tandem(
                ["train", "config.yaml", "--set", "parallel.tensor=2", "--set", "evaluation.at_start=false"], ranks: 2)
            let words = line(result)
            #expect(words.contains("step 1, rank \(rank), micro-batch 0"), "\(words)")
            #expect(words.contains("model.layers.1.mlp.gate_proj output has"), "\(words)")
            #expect(!words.contains("so has"), "the weights are finite: \(words)")
        }

        @Test("a reference that goes wrong is named", arguments: [[], ["--set", "references.sft.cache=memory"]])
        func reference(settings: [String]) throws {
            let workspace = try Workspace.spoilt(model: "reference")
            let words = line(try workspace.tandem(["train", "config.yaml"] + settings, ranks: 2))
            let name = settings.isEmpty ? "reference sft's model.embed_tokens output" : "reference sft's log-probabilities"
            #expect(words.contains("step 2, rank ") && words.contains(name), "\(words)")
        }

        @Test("weights that the last update made infinite end the run: nothing is exported or saved", arguments: [nil, 2])
        func lastUpdate(ranks: Int?) throws {
            let workspace = try Workspace()
            let settings = ["schedule.steps=1", "evaluation.at_start=false", "parallel.tensor=\(ranks ?? 1)", "run.checkpoint_every=1"]
                .flatMap { ["--set", $0] }
            let healthy = try workspace.tandem(["train", "config.yaml"] + settings, ranks: ranks)
            #expect(healthy.exitCode == 0 && !healthy.output.contains("not finite"))
            for (validation, word) in [("pairs.h5", "evaluation of validation"), ("null", "model.embed_tokens.weight, ")] {
                let result = try workspace.tandem(
                    ["train", "config.yaml", "--overwrite", "--set", "optimizer.learning_rate=1e39", "--set", "data.validation=\(validation)"]
                        + settings, ranks: ranks)
                let words = line(result)
                #expect(words.contains(word) && words.contains("not finite"), "\(words)")
                let status = try workspace.json("run/status.json")
                #expect(status["state"] as? String == "failed" && status["step"] as? Int == 1)
                #expect((status["reason"] as? String).map { "tandem: \($0)" } == words)
                #expect(!workspace.exists("run/export") && !workspace.exists("run/checkpoints/step-1"))
                #expect(workspace.remainingProcesses().isEmpty)
            }
        }

        @Test("weights that are numbers and give none end the run, though nothing is validated", arguments: cuts)
        func lastForward(cut: Cut) throws {
            let workspace = try Workspace()
            let settings = ["schedule.steps=1", "data.validation=null", "optimizer.learning_rate=1e18"].flatMap { ["--set", $0] }
            let words = line(try workspace.tandem(["train", "config.yaml"] + settings + cut.settings, ranks: cut.ranks))
            #expect(
                words.firstMatch(of: /the model after step 1, rank \d, micro-batch 0 \(record \d of pairs.h5\): model\..* that are not finite/)
                    != nil, "\(words)")
            #expect(words.contains("Nothing of this step is kept. Lower optimizer.learning_rate.") && !workspace.exists("run/export"))
            #expect(try workspace.json("run/status.json")["state"] as? String == "failed")
        }

        @Test(
            "steps that are skipped don't hide a model that gives no number at all, with a validation set or without",
            arguments: ["null", "pairs.h5"])
        func skippedToTheEnd(validation: String) throws {
            let workspace = try Workspace()
            let settings = ["schedule.steps=2", "data.validation=\(validation)", "optimizer.learning_rate=1e18"].flatMap { ["--set", $0] }
            let result = try workspace.tandem(["train", "config.yaml"] + settings + Self.skipping, ranks: 2)
            let words = line(result)
            #expect(result.output.contains("note: step 2 changes nothing") && words.contains("the model after step 2, rank "), "\(words)")
            #expect(try workspace.json("run/status.json")["state"] as? String == "failed")
            #expect(!workspace.exists("run/export"))
        }

        @Test("an export that bfloat16 has no room for is refused, and float32 takes it")
        func narrowExport() throws {
            let workspace = try Workspace()
            // Above the largest bfloat16 by more than half a unit, in a row that no record has.
            try workspace.set("model.embed_tokens.weight", of: "policy", row: 0, to: 3.4e38)
            let settings = ["--set", "data.validation=null"]
            let words = line(try workspace.tandem(["train", "config.yaml", "--set", "export.dtype=bfloat16"] + settings))
            #expect(words.contains("model.embed_tokens.weight has values that are too large for export.dtype: bfloat16"), "\(words)")
            #expect(!workspace.exists("run/export"))
            #expect(try workspace.tandem(["train", "config.yaml", "--overwrite"] + settings).exitCode == 0)
        }

        @Test("an evaluation that gives no number ends the run; where steps are skipped it is told, and null in the metrics")
        func evaluation() throws {
            let workspace = try Workspace.spoilt()
            let settings = ["--set", "data={train: others.h5, validation: pairs.h5, shuffle: false}", "--set", "schedule.steps=2"]
            let words = line(try workspace.tandem(["train", "config.yaml"] + settings))
            #expect(
                words.contains("evaluation of validation, rank 0, micro-batch 0 (record 5 of pairs.h5): model.embed_tokens output has 40 of"),
                "\(words)")
            #expect(try workspace.json("run/status.json")["state"] as? String == "failed")
            let skipping = try workspace.tandem(["train", "config.yaml", "--overwrite"] + settings + Self.skipping)
            #expect(skipping.exitCode == 0, "\(skipping.errorOutput)")
            #expect(skipping.output.matches(of: /note: evaluation of validation, rank 0, micro-batch 0 \(record 5/).count == 2)
            #expect(
                skipping.output.contains(
                    "note: run/export has values that are not finite, in model.embed_tokens.weight, like the model that the run began with"))
            #expect(skipping.output.contains("note: the model that the run begins with has values that are not finite, in model.embed_tokens.weight"))
            #expect(try readJSONL(workspace.file("run/metrics.jsonl")).first?["eval_loss"] is NSNull)
        }

        @Test("a learning rate that overflows ends in one line, and so do steps that are skipped without end")
        func overflow() throws {
            let workspace = try Workspace()
            let rate = ["--set", "optimizer.learning_rate=1e38", "--set", "schedule.steps=9", "--set", "evaluation.at_start=false"]
            let stopped = line(try workspace.tandem(["train", "config.yaml"] + rate, ranks: 2))
            #expect(stopped.contains("step 2, rank 0") && stopped.contains("values that are not finite"), "\(stopped)")
            let result = try workspace.tandem(["train", "config.yaml", "--overwrite"] + rate + Self.skipping)
            let limited = line(result)
            #expect(limited.contains("step 4") && limited.contains("skipped step number 3 in a row"), "\(limited)")
            #expect(result.output.matches(of: /note: step \d changes nothing/).count == 2)
        }
    }
}
