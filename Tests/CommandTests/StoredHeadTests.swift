import Foundation
import TestSupport
import Testing

extension SafetensorsEditing {
    /// Takes a tensor out of the file; those behind it move up.
    mutating func remove(_ name: String) {
        let range = range(of: name)
        header[name] = nil
        for (other, entry) in header {
            guard var entry = entry as? [String: Any], let place = entry["data_offsets"] as? [Int], place[0] >= range.upperBound else { continue }
            entry["data_offsets"] = place.map { $0 - range.count }
            header[other] = entry
        }
        data.removeSubrange(range)
    }

    /// Gives a tensor other bytes, of another type if need be.
    mutating func replace(_ name: String, type: String = "F32", _ bytes: Data) {
        let shape = (header[name] as! [String: Any])["shape"]!
        remove(name)
        header[name] = ["dtype": type, "shape": shape, "data_offsets": [data.count, data.count + bytes.count]]
        data += bytes
    }

    func bytes(of name: String) -> Data { data.subdata(in: range(of: name)) }

    private func range(of name: String) -> Range<Int> {
        let place = (header[name] as! [String: Any])["data_offsets"] as! [Int]
        return place[0]..<place[1]
    }
}

extension Workspace {
    /// The golden Llama pair and its data, one step at a rate of 0: what the step reports is of the weights as they are read.
    static func golden() throws -> Workspace {
        let workspace = try Workspace(pairs: goldenPairsJSONL())
        for (folder, source) in [("policy", "policy"), ("reference", "ref")] {
            try workspace.remove(folder)
            try FileManager.default.copyItem(atPath: "\(fixtureFolder)/golden/llama/\(source)", toPath: workspace.file(folder))
        }
        try workspace.folder.write(
            Workspace.configuration.replacing("steps: 2", with: "steps: 1").replacing("learning_rate: 0.001", with: "learning_rate: 0")
                .replacing(", validation: pairs.h5", with: ", shuffle: false"), to: "config.yaml")
        return workspace
    }

    /// Says that the head is the embedding, whatever the weights hold.
    func tie(_ folder: String) throws { try edit(json: folder + "/config.json", ["tie_word_embeddings": true]) }
}

/// Ranks, and the settings that cut them.
struct RankCut: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let ranks: Int?
    let tensor: Int

    static let all = [
        RankCut(testDescription: "one rank", ranks: nil, tensor: 1), RankCut(testDescription: "data 2", ranks: 2, tensor: 1),
        RankCut(testDescription: "tensor 2", ranks: 2, tensor: 2),
    ]
}

extension CommandTests {
    @Suite("Heads that config.json ties") struct StoredHeadTests {
        private static let (embedding, head) = ("model.embed_tokens.weight", "lm_head.weight")
        private static let note = "ties the head to the embedding, but lm_head.weight holds other values"

        private func count(_ words: String, in result: ProcessResult) -> Int {
            (result.output + result.errorOutput).components(separatedBy: words).count - 1
        }

        @Test("a stored head of other values is trained with: the peer's loss, said once, and the export is untied", arguments: RankCut.all)
        func trained(cut: RankCut) throws {
            let workspace = try Workspace.golden()
            try workspace.tie("policy")
            let result = try workspace.tandem(
                ["train", "config.yaml", "--set", "parallel.tensor=\(cut.tensor)"], ranks: cut.ranks)
            #expect(result.exitCode == 0 && count(Self.note, in: result) == 1, "\(result.output) \(result.errorOutput)")
            // golden.json: the same weights under tie_word_embeddings: false.
            let loss = try #require(try workspace.metrics().first?["loss"] as? Double)
            #expect(abs(loss - 0.7555560661472456) < 1e-5)
            #expect(try workspace.json("run/export/config.json")["tie_word_embeddings"] as? Bool == false)
            let (source, export) = (
                try readTensors(workspace.file("policy/model.safetensors")), try readTensors(workspace.file("run/export/model.safetensors"))
            )
            #expect(export == source && export[Self.head] != export[Self.embedding])
        }

        @Test("a reference whose stored head has other values is of that head; said once for two models of one folder")
        func reference() throws {
            let workspace = try Workspace.golden()
            try workspace.tie("reference")
            #expect(abs(try workspace.train().values("loss")[0] - 0.7555560661472456) < 1e-5)
            try workspace.tie("policy")
            let same = try workspace.tandem(
                ["train", "config.yaml", "--set", "references.sft.checkpoint=policy", "--set", "run.directory=same"])
            #expect(same.exitCode == 0 && count(Self.note, in: same) == 1, "\(same.output)")
            let loss = try #require(try workspace.metrics("same").first?["loss"] as? Double)
            #expect(abs(loss - 0.6931471805599453) < 1e-12)
        }

        @Test("a head that is stored alone is the embedding, too: the peer's loss, and a tied export", arguments: [RankCut.all[0], RankCut.all[2]])
        func alone(cut: RankCut) throws {
            let workspace = try Workspace.golden()
            try workspace.edit("policy/model.safetensors") { $0.remove(Self.embedding) }
            try workspace.tie("policy")
            let result = try workspace.tandem(
                ["train", "config.yaml", "--set", "parallel.tensor=\(cut.tensor)"], ranks: cut.ranks)
            #expect(result.exitCode == 0 && count("lm_head", in: result) == 0, "\(result.output) \(result.errorOutput)")
            // Fixtures/heads/make.py
            let row = try #require(try workspace.metrics().first)
            for (name, value) in [
                ("loss", 0.7103620538813303), ("rewards/chosen", -0.15742864137077364), ("rewards/rejected", -0.1848080721780847),
            ] { #expect(abs(row[name] as! Double - value) < 1e-5, "\(name)") }
            #expect(try workspace.json("run/export/config.json")["tie_word_embeddings"] as? Bool == true)
            let export = try readTensors(workspace.file("run/export/model.safetensors"))
            #expect(try export[Self.embedding] == readTensors(workspace.file("policy/model.safetensors"))[Self.head] && export[Self.head] == nil)
        }

        @Test("score writes the same bytes for a tied folder with another head as for the untied one", arguments: RankCut.all)
        func scored(cut: RankCut) throws {
            let workspace = try Workspace()
            try workspace.copy("policy", to: "tied")
            try workspace.tie("tied")
            for (folder, notes) in [("policy", 0), ("tied", 1)] {
                let result = try workspace.tandem(
                    ["score", "--checkpoint", folder, "--data", "pairs.h5", "--output", folder + ".jsonl", "--tensor", "\(cut.tensor)"],
                    ranks: cut.ranks)
                #expect(result.exitCode == 0 && count(Self.note, in: result) == notes, "\(result.errorOutput)")
            }
            #expect(try workspace.bytes("tied.jsonl") == workspace.bytes("policy.jsonl"))
        }

        @Test("a head that holds the embedding once more is tied, whatever types the two have", arguments: ["F32", "BF16", "F32 of BF16"])
        func equal(types: String) throws {
            let workspace = try Workspace(family: .qwen2)
            try workspace.copy("policy", to: "twice")
            // On the grid of bfloat16: the lower half of each float is 0.
            let floats = try SafetensorsEditing(workspace.bytes("policy/model.safetensors")).bytes(of: Self.embedding)
            let onGrid = types == "F32" ? floats : Data(floats.enumerated().map { $0 % 4 < 2 ? 0 : $1 })
            let narrow = Data(onGrid.enumerated().filter { $0.offset % 4 >= 2 }.map(\.element))
            for folder in ["policy", "twice"] {
                try workspace.edit(folder + "/model.safetensors") {
                    $0.replace(Self.embedding, type: types == "F32" ? "F32" : "BF16", types == "F32" ? floats : narrow)
                    guard folder == "twice" else { return }
                    $0.header[Self.head] = [
                        "dtype": "F32", "shape": [509, 40], "data_offsets": [$0.data.count, $0.data.count],
                    ]
                    $0.replace(Self.head, type: types == "BF16" ? "BF16" : "F32", types == "BF16" ? narrow : onGrid)
                }
            }
            let (whole, twice) = (try workspace.score("policy"), try workspace.score("twice"))
            #expect(whole.map { $0.parts.map(\.tokens) } == twice.map { $0.parts.map(\.tokens) })
            let result = try workspace.tandem(["train", "config.yaml", "--set", "model.checkpoint=twice"])
            #expect(result.exitCode == 0 && count(Self.note, in: result) == 0, "\(result.output) \(result.errorOutput)")
            #expect(try workspace.json("run/export/config.json")["tie_word_embeddings"] as? Bool == true)
            #expect(try readTensors(workspace.file("run/export/model.safetensors"))[Self.head] == nil)
        }

        @Test("teachers, evaluate, convert, inspect, plan and blocks of a checkpoint take the stored head, too")
        func everywhere() throws {
            let workspace = try Workspace()
            try workspace.copy("policy", to: "tied")
            try workspace.tie("tied")
            func same(_ arguments: [String], _ setting: String, notes: Int = 1) throws {
                let results = try ["policy", "tied"].map { folder in
                    try workspace.tandem(
                        arguments.map { $0.replacing("FOLDER", with: folder) }
                            + (setting.isEmpty ? [] : ["--set", setting.replacing("FOLDER", with: folder)]))
                }
                let words = "\(arguments): \(results[1].output) \(results[1].errorOutput)"
                #expect(results.map(\.exitCode) == [0, 0] && count(Self.note, in: results[1]) == notes, "\(words)")
            }
            let teaching = "objective={type: distillation, teacher: sft}"
            try same(
                ["train", "config.yaml", "--set", teaching, "--set", "run.directory=by-FOLDER"], "references.sft.checkpoint=FOLDER")
            #expect(try workspace.metrics("by-tied").map { $0["loss"] as? Double } == workspace.metrics("by-policy").map { $0["loss"] as? Double })
            try same(
                ["train", "config.yaml", "--set", "run.directory=part-FOLDER"],
                "model={initialize_from: {checkpoint: FOLDER, layers: [0, 2]}}")
            #expect(try workspace.bytes("part-tied/export/model.safetensors") == workspace.bytes("part-policy/export/model.safetensors"))
            #expect(try workspace.json("part-tied/export/config.json")["tie_word_embeddings"] as? Bool == false)
            try same(["evaluate", "config.yaml", "--checkpoint", "FOLDER"], "")
            try same(["convert", "FOLDER", "new-FOLDER"], "")
            #expect(try workspace.bytes("new-tied/model.safetensors") == workspace.bytes("new-policy/model.safetensors"))
            #expect(try workspace.json("new-tied/config.json")["tie_word_embeddings"] as? Bool == false)
            try same(["inspect", "FOLDER", "--verify"], "")
            // What the node has to give (`a node: 0.09 of 22.77 GiB`) is the machine's at that moment, not the plan's.
            let plans = try ["policy", "tied"].map {
                try workspace.tandem(["plan", "config.yaml", "--set", "model.checkpoint=\($0)"]).output
                    .replacing(#/ of [0-9.]+ GiB,/#, with: ",").split(separator: "\n").dropFirst()
            }
            #expect(plans[0] == plans[1])
        }

        @Test("a head of another shape than the embedding is refused, not passed over")
        func shape() throws {
            let refusal = Refusal(
                "a head of another shape", exit: Exit.damagedData, says: ["policy/model.safetensors", "lm_head.weight", "[40, 509]", "[509, 40]"]
            ) {
                try $0.edit("policy/model.safetensors") { $0.setShape([40, 509], of: Self.head) }
                try $0.tie("policy")
            }
            try refusal.check(in: Workspace())
        }
    }
}
