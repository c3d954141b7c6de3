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

        @Test("a model without a tokenizer, or with one of a kind that is not supported, takes any data")
        func nothingToCompare() throws {
            let workspace = try Workspace()
            try workspace.prepareWithOtherTokens()
            try workspace.remove("policy/tokenizer.json")
            #expect(try workspace.tandem(Self.evaluation).exitCode == 0)
            try workspace.folder.write(
                #"{"model": {"type": "Unigram", "vocab": [["a", -1.5]]}}"#, to: "policy/tokenizer.json")
            #expect(try workspace.tandem(Self.evaluation).exitCode == 0)
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
