import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Datasets and the model's tokenizer") struct TokenizerCheckTests {
        private static let evaluation = ["evaluate", "config.yaml"]

        @Test("data prepared with the model's tokens are taken, however its tokenizer.json is written")
        func sameTokens() throws {
            let workspace = try Workspace()
            try workspace.prepareWithOtherTokens()
            #expect(try workspace.tandem(Self.evaluation).exitCode == Exit.configuration)
            // The same tokens as those that were prepared with, in the quickstart's own bytes.
            let prepared = try workspace.bytes("policy/tokenizer.json")
            try workspace.remove("policy/tokenizer.json")
            try FileManager.default.copyItem(
                atPath: quickstartTokenizer + "/tokenizer.json", toPath: workspace.file("policy/tokenizer.json"))
            #expect(try workspace.bytes("policy/tokenizer.json") != prepared)
            let result = try workspace.tandem(Self.evaluation)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
        }

        @Test("a model without a tokenizer, or with one of a kind that is not supported, takes any data, and says that it does", arguments: [nil, 2])
        func nothingToCompare(ranks: Int?) throws {
            let workspace = try Workspace()
            try workspace.prepareWithOtherTokens()
            let unigram = #"{"model": {"type": "Unigram", "vocab": [["a", -1.5]]}}"#
            for (text, reason) in [
                (nil, "policy/tokenizer.json: is not there"), (unigram, "policy/tokenizer.json: model.type: the model \"Unigram\""),
            ] {
                try workspace.remove("policy/tokenizer.json")
                if let text { try workspace.folder.write(text, to: "policy/tokenizer.json") }
                let note = "note: whether the ids of pairs.h5 are tokens of policy is not checked: \(reason)"
                let commands = [
                    ["train", "config.yaml", "--overwrite"], Self.evaluation, ["plan", "config.yaml"],
                    ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl"],
                ]
                for arguments in commands.prefix(ranks == nil ? 4 : 1) {
                    let result = try workspace.tandem(arguments, ranks: ranks)
                    let said = (result.output + result.errorOutput).components(separatedBy: note).count - 1
                    #expect(result.exitCode == 0 && said == 1, "\(arguments): \(result.output) \(result.errorOutput)")
                }
                if text == nil { try workspace.folder.write("", to: "policy/tokenizer.json") }
            }
        }

        @Test("a saved truncation or padding costs neither the preparation nor the check", arguments: ["truncation", "padding"])
        func savedBatch(part: String) throws {
            let workspace = try Workspace()
            let saved: [String: Any] =
                part == "truncation"
                ? ["direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0]
                : ["strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": NSNull(), "pad_id": 0, "pad_type_id": 0, "pad_token": "!"]
            try workspace.prepareWithOtherTokens()
            try workspace.edit(json: "policy/tokenizer.json", [part: saved])
            let other = try workspace.tandem(Self.evaluation)
            #expect(other.exitCode == Exit.configuration && other.causeLines.first?.contains("other tokens") == true, "\(other.errorOutput)")
            // The tokens that were prepared with.
            try workspace.setTokenizer()
            try workspace.edit(json: "policy/tokenizer.json", [part: saved])
            let result = try workspace.tandem(Self.evaluation)
            #expect(result.exitCode == 0 && !result.errorOutput.contains("not checked"), "\(result.errorOutput)")

            try workspace.folder.write(#"{"text": "The fox eats mice and lives at the mill."}"# + "\n", to: "text.jsonl")
            try workspace.makeFolder("saved")
            for file in ["tokenizer.json", "tokenizer_config.json"] {
                try FileManager.default.copyItem(atPath: "\(quickstartTokenizer)/\(file)", toPath: workspace.file("saved/\(file)"))
            }
            try workspace.edit(json: "saved/tokenizer.json", [part: saved])
            for (folder, output) in [(quickstartTokenizer, "whole.h5"), ("saved", "saved.h5")] {
                let prepared = try workspace.tandem(["prepare", "--input", "text.jsonl", "--output", output, "--tokenizer", folder])
                #expect(prepared.exitCode == 0, "\(prepared.errorOutput)")
            }
            let shown = try ["whole.h5", "saved.h5"].map { try workspace.tandem(["inspect", $0]).output }
            #expect(shown[0] == shown[1])
        }

        @Test("data prepared without a tokenizer are taken by any model, whose tokenizer is not even read")
        func noIdentity() throws {
            let workspace = try Workspace()
            try workspace.folder.write("not JSON", to: "policy/tokenizer.json")
            let result = try workspace.tandem(Self.evaluation)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
        }

        @Test("a random model is held to the tokenizer that model.tokenizer names")
        func randomModel() throws {
            let workspace = try Workspace()
            try workspace.prepareWithOtherTokens()
            try workspace.copy("policy", to: "named")
            try workspace.folder.write(
                Workspace.configuration.replacingOccurrences(
                    of: "checkpoint: policy", with: "config: policy/config.json, tokenizer: named"), to: "config.yaml")
            let result = try workspace.tandem(["train", "config.yaml"])
            #expect(result.exitCode == Exit.configuration)
            #expect(result.causeLines.first?.contains("--tokenizer named") == true, "\(result.errorOutput)")
        }

        @Test("inspect shows the beginning of a dataset's identity, where it has one")
        func inspect() throws {
            let workspace = try Workspace()
            #expect(try workspace.tandem(["inspect", "pairs.h5"]).output.contains("tokenizer") == false)
            try workspace.prepareWithOtherTokens()
            let result = try workspace.tandem(["inspect", "pairs.h5", "--verify"])
            #expect(result.output.firstMatch(of: /\ntokenizer +[0-9a-f]{12}\n/) != nil, "\(result.output)")
        }
    }
}
