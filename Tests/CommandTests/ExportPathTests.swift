import Foundation
import Model
import Settings
import TestSupport
import Testing

extension CommandTests {
    @Suite("Exports and scores") struct ExportPathTests {
        @Test("an export loads again: inspect, score, and another training", arguments: [ModelFamily.llama, .qwen2])
        func export(_ family: ModelFamily) throws {
            let workspace = try Workspace(family: family)
            let metrics = try workspace.train(["export.every=1"])
            for folder in ["run/export", "run/export-step-1"] {
                let result = try workspace.tandem(["inspect", folder, "--verify"])
                #expect(result.exitCode == 0, "\(result.errorOutput)")
                for word in [family.rawValue, "F32", "509", "9 in 3 key/value groups", "every tensor"] {
                    #expect(result.output.contains(word), "\(folder)")
                }
            }
            let trained = try workspace.score("run/export")
            let chosen = trained.reduce(0) { $0 + $1.parts[0].sum } / Double(trained.count)
            #expect(isClose(chosen, metrics.evaluated("logps/chosen").last!, relative: 1e-9))
            #expect(try workspace.score("run/export-step-1")[0].parts[0].sum != trained[0].parts[0].sum)
            let next = try workspace.train(["model.checkpoint=run/export"], into: "next")
            #expect(next.evaluated("loss")[0] == metrics.evaluated("loss").last!)
        }

        @Test("two tensor ranks export what one rank exports")
        func exportOfTensorRanks() throws {
            let workspace = try Workspace()
            try workspace.train()
            try workspace.train(["parallel.tensor=2"], ranks: 2, into: "tensor")
            #expect(try workspace.bytes("run/export/config.json") == workspace.bytes("tensor/export/config.json"))
            let ours = try readTensors(workspace.file("run/export/model.safetensors"))
            let theirs = try readTensors(workspace.file("tensor/export/model.safetensors"))
            #expect(ours.keys == theirs.keys)
            for (name, values) in ours { #expect(relativeRootMeanSquare(theirs[name] ?? [], values) < 1e-3, "\(name)") }
        }

        @Test("export.dtype: bfloat16 writes half the bytes, and loads again")
        func bfloat16() throws {
            let workspace = try Workspace()
            try workspace.train()
            try workspace.train(["export.dtype=bfloat16"], into: "half")
            let whole = try workspace.bytes("run/export/model.safetensors").count
            #expect(try workspace.bytes("half/export/model.safetensors").count < whole * 6 / 10)
            #expect(try workspace.json("half/export/config.json")["dtype"] as? String == "bfloat16")
            let shown = try workspace.tandem(["inspect", "half/export", "--verify"])
            #expect(shown.exitCode == 0 && shown.output.contains("BF16") && !shown.output.contains("F32"))
            for (half, full) in zip(try workspace.score("half/export"), try workspace.score("run/export")) {
                #expect(isClose(half.parts[0].sum, full.parts[0].sum, relative: 2e-2))
                #expect(half.parts[0].sum != full.parts[0].sum)
            }
        }

        @Test("scores are in the dataset's order, their sums are those of their tokens, and no layout changes them")
        func scores() throws {
            // More records than the scorer gathers at once.
            let pairs = randomPairs(count: 300, vocabulary: 509, lengths: 2...7, seed: 8)
            let workspace = try Workspace(pairs: pairs)
            let records = try readJSONL(workspace.file("pairs.jsonl"))
            let single = try workspace.score("policy")
            #expect(single.map(\.record) == Array(0..<300))
            for (line, record) in zip(single, records) {
                for (part, name) in zip(line.parts, ["chosen_ids", "rejected_ids"]) {
                    #expect(part.tokens.count == (record[name] as? [Any])?.count)
                    #expect(isClose(part.tokens.reduce(0, +), part.sum, relative: 1e-12))
                    #expect(part.tokens.allSatisfy { $0 < 0 })
                }
            }
            for tensor in [1, 2] {
                let other = try workspace.score("policy", ranks: 2, tensor: tensor)
                #expect(other.map(\.record) == single.map(\.record))
                for (ours, theirs) in zip(single, other) {
                    for (first, second) in zip(ours.parts, theirs.parts) {
                        #expect(isClose(first.sum, second.sum, relative: 1e-5), "tensor \(tensor)")
                        #expect(zip(first.tokens, second.tokens).allSatisfy { isClose($0, $1, relative: 1e-5) }, "tensor \(tensor)")
                    }
                }
            }
        }

        @Test("score replaces an earlier output whole and leaves no temporary file")
        func replaced() throws {
            let workspace = try Workspace()
            try workspace.folder.write("{\"record\": 0, \"logp\": -1.5, \"token_logps\": [-1.5]}\n", to: "scores.jsonl")
            let before = Set(try workspace.snapshot().keys)
            let result = try workspace.tandem(
                ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl"], ranks: 2)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try readJSONL(workspace.file("scores.jsonl")).count == 10)
            #expect(Set(try workspace.snapshot().keys) == before)
        }

        @Test("inspect tells what a dataset, a run and a weights file hold")
        func inspect() throws {
            let workspace = try Workspace()
            try workspace.train()
            let dataset = try workspace.tandem(["inspect", "pairs.h5", "--verify"])
            #expect(dataset.exitCode == 0 && dataset.output.contains("preference") && dataset.output.contains("records     10"))
            let run = try workspace.tandem(["inspect", "run"])
            #expect(run.exitCode == 0)
            for word in ["finished", "step 1", "step 2", "run/export"] { #expect(run.output.contains(word)) }
            let weights = try workspace.tandem(["inspect", "policy/model.safetensors"])
            #expect(weights.exitCode == 0 && weights.output.contains("lm_head.weight") && weights.output.contains("509 × 40"))
        }

        static let wrongPaths = [
            Refusal(
                "nothing there", exit: Exit.missingInput, says: ["absent", "Check the path"],
                arguments: ["inspect", "absent"]),
            Refusal(
                "a folder without a model", exit: Exit.missingInput, says: ["empty/config.json"], arguments: ["inspect", "empty"]
            ) {
                try $0.makeFolder("empty")
            },
            Refusal(
                "a file that is no dataset", exit: Exit.damagedData, says: ["config.yaml"],
                arguments: ["inspect", "config.yaml"]),
            Refusal(
                "a model without a tensor", exit: Exit.damagedData, says: ["policy", "no tensor"],
                arguments: ["inspect", "policy", "--verify"]
            ) { try $0.edit("policy/model.safetensors") { _ = $0.removeLast() } },
            Refusal(
                "a dataset with a flipped bit", exit: Exit.damagedData, says: ["pairs.h5"], arguments: ["inspect", "pairs.h5", "--verify"]
            ) {
                _ = try makeDataset(
                    "{\"prompt_ids\": [301, 302, 303], \"chosen_ids\": [4], \"rejected_ids\": [5]}\n", in: $0.folder, named: "pairs")
                try $0.flipTokenBit("pairs.h5")
            },
        ]

        @Test("inspect refuses what it can't show in one line", arguments: ExportPathTests.wrongPaths)
        func wrongPath(_ refusal: Refusal) throws {
            let workspace = try Workspace()
            try refusal.prepare(workspace)
            let result = try workspace.tandem(refusal.arguments)
            #expect(result.exitCode == refusal.exitCode)
            #expect(result.causeLines.count == 1 && result.errorOutput == result.causeLines.joined() + "\n", "\(result.errorOutput)")
            for word in refusal.words { #expect(result.causeLines.first?.contains(word) == true, "\(result.errorOutput)") }
        }
    }
}
