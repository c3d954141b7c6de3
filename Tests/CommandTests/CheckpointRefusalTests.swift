import Foundation
import Model
import Settings
import TestSupport
import Testing

extension CommandTests {
    @Suite("Checkpoints that can't be used") struct CheckpointRefusalTests {
        static let weights = "policy/model.safetensors"

        static let files = [
            Refusal(
                "a missing checkpoint folder", exit: Exit.missingInput, says: ["policy: does not exist", "folder"]
            ) {
                try $0.remove("policy")
            },
            Refusal("a missing reference folder", exit: Exit.missingInput, says: ["reference: does not exist"]) {
                try $0.remove("reference")
            },
            Refusal(
                "a GGUF file in place of a folder", exit: Exit.damagedData, says: ["model.gguf", "is a file", "Give the folder"],
                arguments: ["train", "config.yaml", "--set", "model.checkpoint=model.gguf"]
            ) { try $0.makeGGUF() },
            Refusal("a missing config.json", exit: Exit.missingInput, says: ["policy/config.json"]) {
                try $0.remove("policy/config.json")
            },
            Refusal("missing weights", exit: Exit.missingInput, says: ["policy", "model.safetensors", "Save"]) {
                try $0.remove(weights)
            },
            Refusal("truncated weights", exit: Exit.damagedData, says: [weights]) {
                try $0.write($0.bytes(weights).dropLast(100), to: weights)
            },
            Refusal("weights cut within the header", exit: Exit.damagedData, says: [weights]) {
                try $0.write($0.bytes(weights).prefix(100), to: weights)
            },
            Refusal("empty weights", exit: Exit.damagedData, says: [weights]) { try $0.write(Data(), to: weights) },
            Refusal("weights whose header length is absurd", exit: Exit.damagedData, says: [weights]) {
                try $0.write(Data(repeating: 0xFF, count: 8) + $0.bytes(weights).dropFirst(8), to: weights)
            },
            Refusal("weights whose header is no JSON", exit: Exit.damagedData, says: [weights]) {
                var bytes = try $0.bytes(weights)
                bytes[20] = 0x00
                try $0.write(bytes, to: weights)
            },
            Refusal("a truncated reference", exit: Exit.damagedData, says: ["reference/model.safetensors"]) {
                try $0.write($0.bytes("reference/model.safetensors").dropLast(4), to: "reference/model.safetensors")
            },
        ]

        static let contents = [
            Refusal(
                "a tensor of another shape", exit: Exit.damagedData,
                says: [weights, "model.layers.0.mlp.down_proj.weight", "40", "112"]
            ) { try $0.edit(weights) { $0.setShape([112, 40], of: "model.layers.0.mlp.down_proj.weight") } },
            Refusal("a missing tensor", exit: Exit.damagedData, says: ["policy", "no tensor", "config.json belongs"]) {
                try $0.edit(weights) { _ = $0.removeLast() }
            },
            Refusal("a tensor that no part knows", exit: Exit.damagedData, says: [weights, "extra.weight"]) {
                try $0.edit(weights) { $0.append("extra.weight") }
            },
            Refusal("malformed config.json", exit: Exit.damagedData, says: ["policy/config.json"]) {
                try $0.write($0.bytes("policy/config.json").dropLast(20), to: "policy/config.json")
            },
            Refusal(
                "a config.json without a size", exit: Exit.damagedData, says: ["policy/config.json", "hidden_size"]
            ) {
                try $0.edit(json: "policy/config.json", ["hidden_size": nil as Any?])
            },
            Refusal(
                "heads that groups don't divide", exit: Exit.damagedData, says: ["policy/config.json", "num_key_value_heads"]
            ) {
                try $0.edit(json: "policy/config.json", ["num_key_value_heads": 2])
            },
            Refusal(
                "a field that is not implemented", exit: Exit.configuration, says: ["policy/config.json", "sliding_window_pattern"]
            ) {
                try $0.edit(json: "policy/config.json", ["sliding_window_pattern": 6])
            },
            Refusal(
                "an activation that is not implemented", exit: Exit.configuration, says: ["policy/config.json", "hidden_act", "relu"]
            ) {
                try $0.edit(json: "policy/config.json", ["hidden_act": "relu"])
            },
            Refusal(
                "a family that is not implemented", exit: Exit.configuration, says: ["policy/config.json", "model_type", "llama"]
            ) {
                try $0.edit(json: "policy/config.json", ["model_type": "mamba"])
            },
            Refusal(
                "a reference of another vocabulary", exit: Exit.configuration, says: ["references.sft.checkpoint", "300", "509", "tokenizer"]
            ) {
                var other = unevenConfiguration(.llama)
                other.vocabularySize = 300
                try $0.remove("reference")
                try makeCheckpoint(other, seed: 2, in: $0.folder, named: "reference")
            },
        ]

        @Test("weights that are missing, cut or garbled are told in one line on every layout", arguments: CheckpointRefusalTests.files)
        func brokenFiles(_ refusal: Refusal) throws { try refusal.check(in: Workspace()) }

        @Test("weights and config.json that don't go together are told in one line on every layout", arguments: CheckpointRefusalTests.contents)
        func contradictions(_ refusal: Refusal) throws { try refusal.check(in: Workspace()) }

        @Test(
            "evaluate and score refuse a truncated model.safetensors as train does",
            arguments: [
                ["evaluate", "config.yaml"], ["evaluate", "config.yaml", "--checkpoint", "policy"],
                ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl"],
            ])
        func otherCommands(_ arguments: [String]) throws {
            let refusal = Refusal(
                "truncated weights", exit: Exit.damagedData, says: [Self.weights], arguments: arguments
            ) { try $0.write($0.bytes(Self.weights).dropLast(100), to: Self.weights) }
            try refusal.check(in: Workspace())
        }
    }
}
