import Foundation
import Settings
import TestSupport
import Testing

extension CommandTests {
    @Suite("Models of checkpoints") struct CheckpointConversionTests {
        /// Ranks by axis, and `parallel.zero`.
        struct Layout: Sendable, CustomTestStringConvertible {
            let data, tensor, zero: Int
            var family = ModelFamily.llama
            var testDescription: String { "\(family.rawValue), data \(data) × tensor \(tensor), zero \(zero)" }
        }

        private static let saving = ["run.checkpoint_every=1", "export.every=1"]

        /// A workspace whose policy has a tokenizer.
        private func workspace(_ family: ModelFamily = .llama) throws -> Workspace {
            let workspace = try Workspace(family: family)
            try workspace.folder.write("{\"a\": 1}", to: "policy/tokenizer.json")
            try workspace.folder.write("{\"b\": 2}", to: "policy/tokenizer_config.json")
            return workspace
        }

        @discardableResult
        private func convert(_ arguments: [String], in workspace: Workspace) throws -> String {
            let result = try workspace.tandem(["convert"] + arguments)
            guard result.exitCode == 0, result.errorOutput.isEmpty else { throw CommandFailed(result: result) }
            return result.output
        }

        private func expectSame(_ made: String, _ exported: String, in workspace: Workspace) throws {
            let names = ["SHA256SUMS", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
            #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file(made)).sorted() == names)
            for name in names { #expect(try workspace.bytes("\(made)/\(name)") == workspace.bytes("\(exported)/\(name)"), "\(name)") }
        }

        @Test(
            "a checkpoint of any layout becomes the export of its step, bit for bit",
            arguments: [
                Layout(data: 1, tensor: 1, zero: 0), Layout(data: 2, tensor: 1, zero: 1), Layout(data: 1, tensor: 2, zero: 0, family: .qwen2),
                Layout(data: 2, tensor: 2, zero: 1),
            ])
        func layouts(_ layout: Layout) throws {
            let workspace = try workspace(layout.family)
            let ranks = layout.data * layout.tensor
            let parallel = ["parallel.tensor=\(layout.tensor)", "parallel.zero=\(layout.zero)"]
            try workspace.train(Self.saving + parallel, ranks: ranks == 1 ? nil : ranks)
            let output = try convert(["run/checkpoints/step-1", "made"], in: workspace)
            for word in [layout.family.rawValue, "copied from ", "written to  made, as float32"] { #expect(output.contains(word)) }
            try expectSame("made", "run/export-step-1", in: workspace)
            // Two steps are two models.
            try convert(["run/checkpoints/step-2/", "last"], in: workspace)
            try expectSame("last", "run/export", in: workspace)
            #expect(try workspace.bytes("made/model.safetensors") != workspace.bytes("last/model.safetensors"))
        }

        @Test("a head that config.json ties, and the weights don't, is the checkpoint's own, too")
        func storedHead() throws {
            let workspace = try workspace()
            try workspace.tie("policy")
            try workspace.train(Self.saving)
            try convert(["run/checkpoints/step-1", "made"], in: workspace)
            try expectSame("made", "run/export-step-1", in: workspace)
            #expect(try workspace.json("made/config.json")["tie_word_embeddings"] as? Bool == false)
        }

        @Test("--dtype bfloat16 rounds as an export does, and a folder with other files wants --overwrite")
        func options() throws {
            let workspace = try workspace()
            try workspace.train(Self.saving)
            try convert(["run/export-step-1", "expected", "--dtype", "bfloat16"], in: workspace)
            try workspace.makeFolder("made")
            try workspace.folder.write("mine", to: "made/notes.txt")
            let command = ["convert", "run/checkpoints/step-1", "made", "--dtype", "bfloat16"]
            try Refusal("others' files", exit: Exit.configuration, says: ["made", "notes.txt", "--overwrite"], arguments: command)
                .check(in: workspace, ranks: [nil])
            try convert(Array(command.dropFirst()) + ["--overwrite"], in: workspace)
            #expect(try workspace.text("made/notes.txt") == "mine")
            try workspace.remove("made/notes.txt")
            try expectSame("made", "expected", in: workspace)
        }

        @Test("projections are no part of the model, and a student of some layers has its own config.json")
        func projections() throws {
            let workspace = try Workspace.distillation()
            let result = try workspace.tandem(["train", "config.yaml"], ranks: 2)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            try convert(["run/checkpoints/step-4", "made"], in: workspace)
            for name in ["config.json", "model.safetensors"] {
                #expect(try workspace.bytes("made/" + name) == workspace.bytes("run/export/" + name), "\(name)")
            }
        }

        @Test("a model that began at random has no folder to look into")
        func random() throws {
            let workspace = try Workspace()
            try workspace.train(
                Self.saving + ["model={config: policy/config.json}", "references=null", "objective={type: language_modeling}"])
            try workspace.remove("policy")
            #expect(try convert(["run/checkpoints/step-1", "made"], in: workspace).contains("tokenizer   none"))
            for name in ["config.json", "model.safetensors"] {
                #expect(try workspace.bytes("made/" + name) == workspace.bytes("run/export-step-1/" + name), "\(name)")
            }
        }

        @Test("the command may start anywhere; where the first model is gone, the tokenizer comes from the run's export")
        func elsewhere() throws {
            let workspace = try workspace()
            try workspace.train(Self.saving)
            try workspace.makeFolder("elsewhere")
            let result = try workspace.shell("cd elsewhere && exec \"$TANDEM\" convert ../run/checkpoints/step-1 made")
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            try expectSame("elsewhere/made", "run/export-step-1", in: workspace)

            try workspace.remove("policy")
            #expect(try convert(["run/checkpoints/step-1", "made"], in: workspace).contains("/run/export"))
            try expectSame("made", "run/export-step-1", in: workspace)

            for export in ["run/export", "run/export-step-1", "run/export-step-2"] { try? workspace.remove(export) }
            try Refusal(
                "no tokenizer", exit: Exit.missingInput, says: ["run/checkpoints/step-1", "tokenizer", "/policy", "Put"],
                arguments: ["convert", "run/checkpoints/step-1", "none"]
            ).check(in: workspace, ranks: [nil])
        }

        @Test("a tokenizer that was changed since is refused")
        func changedTokenizer() throws {
            let workspace = try workspace()
            try workspace.train(["run.checkpoint_every=1"])
            try workspace.remove("run/export")
            try workspace.folder.write("{\"a\": 2}", to: "policy/tokenizer.json")
            try Refusal(
                "another tokenizer", exit: Exit.damagedData, says: ["policy/tokenizer.json", "has changed since the run began"],
                arguments: ["convert", "run/checkpoints/step-1", "made"]
            ).check(in: workspace, ranks: [nil])
        }

        @Test("damage is refused, and nothing is written", arguments: ["tensor-0-data-0.h5", "manifest.json", "manifest.sha256"])
        func damage(_ name: String) throws {
            let workspace = try Workspace()
            try workspace.train(["run.checkpoint_every=1"])
            let file = "run/checkpoints/step-1/" + name
            var bytes = try workspace.bytes(file)
            bytes[bytes.count / 2] ^= 1
            try workspace.write(bytes, to: file)
            try Refusal(
                "a flipped bit", exit: Exit.damagedData, says: ["run/checkpoints/step-1/", "another checkpoint"],
                arguments: ["convert", "run/checkpoints/step-1", "made"]
            ).check(in: workspace, ranks: [nil])
        }

        /// Takes out what earlier versions did not write.
        private func makeOld(_ checkpoint: String, in workspace: Workspace) throws {
            var manifest = try workspace.json(checkpoint + "/manifest.json")
            #expect(manifest.removeValue(forKey: "model") != nil)
            let bytes = try JSONSerialization.data(withJSONObject: manifest, options: [.sortedKeys])
            try workspace.write(bytes, to: checkpoint + "/manifest.json")
            let digest = try workspace.shell("cd \(checkpoint) && sha256sum manifest.json").output
            let rest = try workspace.text(checkpoint + "/manifest.sha256").split(separator: "\n").dropFirst()
            try workspace.folder.write(digest + rest.map { $0 + "\n" }.joined(), to: checkpoint + "/manifest.sha256")
        }

        @Test("a checkpoint of an earlier version is read while its model, or an export of the run, is there")
        func earlierVersion() throws {
            let workspace = try workspace()
            try workspace.train(Self.saving)
            let checkpoint = "run/checkpoints/step-1"
            try makeOld(checkpoint, in: workspace)
            try convert([checkpoint, "first"], in: workspace)
            try expectSame("first", "run/export-step-1", in: workspace)
            try workspace.edit(json: "policy/config.json", ["max_position_embeddings": 128])
            try Refusal(
                "another model", exit: Exit.damagedData, says: ["policy/config.json", "has changed since the run began"],
                arguments: ["convert", checkpoint, "other"]
            ).check(in: workspace, ranks: [nil])
            try workspace.remove("policy")
            try convert([checkpoint, "second"], in: workspace)
            try expectSame("second", "run/export-step-1", in: workspace)
            for export in ["run/export", "run/export-step-1", "run/export-step-2"] { try? workspace.remove(export) }
            try Refusal(
                "no model", exit: Exit.missingInput, says: [checkpoint, "config.json", "policy", "Put the model back"],
                arguments: ["convert", checkpoint, "third"]
            ).check(in: workspace, ranks: [nil])
        }

        private static let commands = [
            ["train", "config.yaml", "--set", "run.directory=next", "--set", "model.checkpoint=PLACE"],
            ["train", "config.yaml", "--set", "run.directory=next", "--set", "references.sft.checkpoint=PLACE"],
            ["train", "config.yaml", "--set", "run.directory=next", "--set", "model={initialize_from: {checkpoint: PLACE, layers: [0]}}"],
            ["evaluate", "config.yaml", "--checkpoint", "PLACE"],
            ["score", "--checkpoint", "PLACE", "--data", "pairs.h5", "--output", "scores.jsonl"],
            ["generate", "--checkpoint", "PLACE", "--prompt", "the fox"],
            ["prepare", "--input", "texts.jsonl", "--output", "texts.h5", "--tokenizer", "PLACE"],
        ]

        @Test("a run's folder in place of a model's: every command says in one line which folder to take")
        func named() throws {
            let workspace = try workspace()
            try workspace.folder.write("{\"text\": \"the fox\"}\n", to: "texts.jsonl")
            try workspace.train(["run.checkpoint_every=1"])
            func refuse(_ place: String, _ words: String..., in commands: [[String]] = Self.commands, ranks: Int? = nil) throws {
                for command in commands {
                    try Refusal(
                        place, exit: Exit.missingInput, says: words, arguments: command.map { $0.replacing("PLACE", with: place) }
                    ).check(in: workspace, ranks: [ranks])
                }
            }
            try refuse("run", "run: is a run's folder", "run/export.")
            try refuse("run", "run: is a run's folder", "run/export.", in: [Self.commands[0]], ranks: 2)
            try refuse("run/checkpoints/step-1", "tandem convert run/checkpoints/step-1 FOLDER")
            try refuse("run/checkpoints", "tandem convert run/checkpoints/step-2 FOLDER", in: [Self.commands[3]])
            try workspace.remove("run/export")
            try refuse("run/", "tandem convert run/checkpoints/step-2 FOLDER", in: [Self.commands[1]])
        }

        @Test("convert of a run without an export, or of all its checkpoints, names the checkpoint to take")
        func unexported() throws {
            let workspace = try workspace()
            try workspace.train(["run.checkpoint_every=1"])
            try workspace.remove("run/export")
            for source in ["run", "run/checkpoints"] {
                try Refusal(
                    source, exit: Exit.missingInput, says: [source, "tandem convert run/checkpoints/step-2 FOLDER"],
                    arguments: ["convert", source, "made"]
                ).check(in: workspace, ranks: [nil])
            }
        }
    }
}
