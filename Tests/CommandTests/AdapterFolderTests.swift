import Foundation
import TestSupport
import Testing

extension Workspace {
    /// A folder as PEFT writes it, beside whatever it holds.
    func addAdapter(to folder: String) throws {
        try makeFolder(folder)
        try self.folder.write(
            #"{"peft_type": "LORA", "base_model_name_or_path": "policy", "r": 8, "lora_alpha": 16}"#, to: folder + "/adapter_config.json")
        try copy("policy/model.safetensors", to: folder + "/adapter_model.safetensors")
    }
}

extension CommandTests {
    @Suite("Adapters in place of models") struct AdapterFolderTests {
        /// Every place that takes a model's folder.
        static let places: [[String]] = [
            ["train", "config.yaml", "--set", "model.checkpoint=FOLDER"],
            ["train", "config.yaml", "--set", "references.sft.checkpoint=FOLDER"],
            ["train", "config.yaml", "--set", "model={initialize_from: {checkpoint: FOLDER, layers: [0]}}"],
            ["evaluate", "config.yaml", "--checkpoint", "FOLDER"], ["plan", "config.yaml", "--set", "model.checkpoint=FOLDER"],
            ["score", "--checkpoint", "FOLDER", "--data", "pairs.h5", "--output", "scores.jsonl"],
            ["generate", "--checkpoint", "FOLDER", "--prompt", "The fox"], ["convert", "FOLDER", "merged"], ["inspect", "FOLDER"],
        ]

        @Test("an adapter is named, with its model and the way to merge, wherever a model is expected", arguments: places)
        func alone(arguments: [String]) throws {
            let refusal = Refusal(
                "an adapter", exit: Exit.configuration,
                says: ["adapter: is a PEFT adapter (adapter_config.json), not a model", "it changes policy", "merge_and_unload()"],
                arguments: arguments.map { $0.replacing("FOLDER", with: "adapter") }
            ) { try $0.addAdapter(to: "adapter") }
            try refusal.check(in: Workspace(), ranks: [nil])
        }

        @Test("an adapter beside a model is refused, not passed over, on one rank and on two", arguments: [places[0], places[1], places[5]])
        func beside(arguments: [String]) throws {
            let refusal = Refusal(
                "an adapter beside a model", exit: Exit.configuration,
                says: ["both: holds a PEFT adapter (adapter_config.json) beside a model", "Transformers", "move the adapter's files"],
                arguments: arguments.map { $0.replacing("FOLDER", with: "both") }
            ) {
                try $0.copy("policy", to: "both")
                try $0.addAdapter(to: "both")
            }
            try refusal.check(in: Workspace())
        }
    }
}
