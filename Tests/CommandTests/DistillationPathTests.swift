import Foundation
import Model
import Settings
import TestSupport
import Testing

extension Workspace {
    /// A wider and deeper teacher of another family, texts, and a configuration that distils it into half of the policy.
    static func distillation() throws -> Workspace {
        let workspace = try Workspace()
        var wide = unevenConfiguration(.qwen2)
        (wide.hiddenSize, wide.feedForwardSize, wide.layerCount) = (56, 144, 4)
        try makeCheckpoint(wide, seed: 3, in: workspace.folder, named: "teacher")
        _ = try makeDataset(
            randomTexts(count: 12, vocabulary: 509, lengths: 3...20, seed: 4), in: workspace.folder, named: "texts")
        try workspace.folder.write(
            """
            model: {initialize_from: {checkpoint: policy, layers: [0, 2]}}
            references: {teacher: {checkpoint: teacher}}
            data: {train: texts.h5, validation: texts.h5}
            objective:
              - {type: distillation, teacher: teacher, temperature: 2.0, hidden_states: {layers: [[0, 1]], weight: 0.1}}
              - {type: language_modeling, weight: 0.5}
            schedule: {steps: 4, tokens_per_step: 60}
            optimizer: {learning_rate: 0.005}
            run: {directory: run, threads: 1, checkpoint_every: 2}

            """, to: "config.yaml")
        return workspace
    }
}

extension CommandTests {
    @Suite("Distillation") struct DistillationPathTests {
        @Test("a student made of a checkpoint's layers learns from a wider teacher, and its export is a model of its own")
        func trains() throws {
            let workspace = try Workspace.distillation()
            let result = try workspace.tandem(["train", "config.yaml"], ranks: 2)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let metrics = try workspace.metrics()
            let evaluations = metrics.filter { $0["eval"] as? Bool == true }
            func figure(_ row: [String: Any], _ name: String) -> Double { row[name] as? Double ?? .nan }
            #expect(figure(evaluations.last!, "eval_kl") < figure(evaluations.first!, "eval_kl"))
            for row in metrics.filter({ $0["eval"] == nil }) {
                let sum = figure(row, "loss/distillation") + 0.5 * figure(row, "loss/language_modeling")
                #expect(abs(figure(row, "loss") - sum) < 1e-9)
                // T² · KL, and the hidden states' part.
                let parts = 4 * figure(row, "kl") + 0.1 * figure(row, "hidden_states")
                #expect(abs(figure(row, "loss/distillation") - parts) < 1e-5 * parts)
                // Every token counts, for both objectives.
                #expect(abs(figure(row, "ce") - figure(row, "loss/language_modeling")) < 1e-9)
            }
            #expect(try workspace.json("run/export/config.json")["num_hidden_layers"] as? Int == 2)
            #expect(
                try readTensors(workspace.file("run/export-projections.safetensors")).mapValues(\.count) == [
                    "projections.0.teacher.0_to_1.weight": 56 * 40
                ])
            let shown = try workspace.tandem(["inspect", "run/export", "--verify"])
            #expect(shown.exitCode == 0, "\(shown.errorOutput)")
            #expect(try workspace.text("run/config.yaml").contains("tokens_per_step: 60"))
        }

        @Test("a resumed distillation ends with the bits of the uninterrupted one, projections included")
        func resumes() throws {
            let workspace = try Workspace.distillation()
            for directory in ["run", "again"] {
                let result = try workspace.tandem(["train", "config.yaml", "--set", "run.directory=\(directory)"])
                #expect(result.exitCode == 0, "\(result.errorOutput)")
            }
            let resumed = try workspace.tandem(["train", "config.yaml", "--set", "run.directory=again", "--resume=2"])
            #expect(resumed.exitCode == 0, "\(resumed.errorOutput)")
            for file in ["export/model.safetensors", "export-projections.safetensors"] {
                #expect(try workspace.bytes("run/\(file)") == workspace.bytes("again/\(file)"), "\(file)")
            }
        }

        @Test("preference pairs teach too: completions, or all tokens", arguments: ["completion", "all"])
        func pairs(tokens: String) throws {
            let workspace = try Workspace()
            let objective = "{type: distillation, teacher: sft, tokens: \(tokens)}"
            let result = try workspace.tandem(["train", "config.yaml", "--set", "objective=\(objective)"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let evaluations = try workspace.metrics().filter { $0["eval"] as? Bool == true }
            #expect((evaluations.last!["eval_kl"] as! Double) < (evaluations.first!["eval_kl"] as! Double))
        }

        @Test("a step has no room for its logits: rows × vocabulary exists in neither model")
        func memory() throws {
            let workspace = try Workspace()
            var model = unevenConfiguration(.llama)
            (model.vocabularySize, model.hiddenSize, model.layerCount) = (65_536, 8, 1)
            (model.tiedEmbeddings, model.maximumPositions) = (true, 4096)
            for (seed, name) in [(1 as UInt64, "student"), (2, "teacher")] {
                try makeCheckpoint(model, seed: seed, in: workspace.folder, named: name)
            }
            _ = try makeDataset(
                randomTexts(count: 1, vocabulary: 65_536, lengths: 4096...4096, seed: 3), in: workspace.folder, named: "texts")
            try workspace.folder.write(
                """
                model: {checkpoint: student}
                references: {teacher: {checkpoint: teacher}}
                data: {train: texts.h5}
                objective: {type: distillation, teacher: teacher, divergence: jensen_shannon}
                schedule: {steps: 1}
                optimizer: {learning_rate: 0.001}
                run: {directory: run, threads: 1}

                """, to: "config.yaml")
            let result = try workspace.tandem(["train", "config.yaml"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            // One model's logits would take a gibibyte.
            let logits = 4096 * 65_536 * 4
            #expect(result.peakMemory < logits / 2, "\(result.peakMemory) bytes")
        }

        static let refusals = [
            Refusal(
                "a teacher that references don't name", exit: Exit.configuration, says: ["objective.0.teacher", "large", "teacher"],
                arguments: set("objective.0.teacher=large")),
            Refusal(
                "a teacher whose folder is missing", exit: Exit.missingInput, says: ["absent"],
                arguments: set("references.teacher.checkpoint=absent")),
            Refusal("a teacher of another vocabulary", exit: Exit.configuration, says: ["references.teacher", "509", "300"]) {
                var other = unevenConfiguration(.llama)
                other.vocabularySize = 300
                try makeCheckpoint(other, seed: 3, in: $0.folder, named: "teacher")
            },
            Refusal(
                "more layers than the checkpoint has", exit: Exit.configuration, says: ["model.initialize_from.layers", "3"],
                arguments: set("model.initialize_from.layers=[0, 3]")),
            Refusal(
                "hidden states of a layer that the student lacks", exit: Exit.configuration, says: ["hidden_states.layers", "layer 2", "2"],
                arguments: set("objective.0.hidden_states.layers=[[2, 1]]")),
            Refusal(
                "hidden states of a layer that the teacher lacks", exit: Exit.configuration, says: ["hidden_states.layers", "layer 4", "4"],
                arguments: set("objective.0.hidden_states.layers=[[1, 4]]")),
            Refusal(
                "the temperature 0", exit: Exit.configuration, says: ["objective.0.temperature", "0"],
                arguments: set("objective.0.temperature=0")),
            Refusal(
                "pairs a step of texts", exit: Exit.configuration, says: ["schedule.pairs_per_step", "texts.h5", "tokens_per_step"],
                arguments: set("schedule.tokens_per_step=null", "schedule.pairs_per_step=4")),
        ]

        private static func set(_ overrides: String...) -> [String] {
            ["train", "config.yaml"] + overrides.flatMap { ["--set", $0] }
        }

        @Test("is refused in one line, alone and on two ranks", arguments: refusals)
        func refused(_ refusal: Refusal) throws { try refusal.check(in: Workspace.distillation()) }

        @Test("a teacher that can't fit is refused by its header, before it is loaded")
        func tooLarge() throws {
            let workspace = try Workspace.distillation()
            // A file of a terabyte with nothing in it takes no room.
            let elsewhere = TemporaryFolder()
            var huge = unevenConfiguration(.llama)
            (huge.hiddenSize, huge.feedForwardSize, huge.layerCount) = (18_432, 1_048_576, 8)
            try makeEmptyCheckpoint(huge, in: elsewhere, named: "huge")
            let result = try workspace.tandem(
                ["train", "config.yaml", "--set", "references.teacher.checkpoint=\(elsewhere.file("huge"))"])
            #expect(result.exitCode == Exit.configuration)
            #expect(result.causeLines.count == 1 && result.seconds < 10, "\(result.errorOutput)")
            for word in ["config.yaml", "GiB", "reference teacher", "available"] {
                #expect(result.causeLines.first?.contains(word) == true, "\(result.errorOutput)")
            }
            #expect(!workspace.exists("run"))
        }
    }
}
