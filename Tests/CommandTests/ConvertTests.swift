import Foundation
import Settings
import TestSupport
import Testing

extension CommandTests {
    @Suite("Models of other formats") struct ConvertTests {
        /// Converts and expects it to succeed.
        @discardableResult
        private func convert(_ arguments: [String], in workspace: Workspace) throws -> String {
            let result = try workspace.tandem(["convert"] + arguments)
            guard result.exitCode == 0, result.errorOutput.isEmpty else { throw CommandFailed(result: result) }
            return result.output
        }

        @Test(
            "a GGUF file becomes the folder it was made of: the same tensors and scores, bit for bit",
            arguments: [ModelFamily.llama, .qwen2])
        func fromGGUF(_ family: ModelFamily) throws {
            let workspace = try Workspace(family: family)
            try workspace.makeGGUF(family: family)
            let output = try convert(["model.gguf", "converted"], in: workspace)
            for word in [family.rawValue, "parameters in", "a chat template", "written to  converted, as float32"] {
                #expect(output.contains(word))
            }
            let tensors = try readTensors(workspace.file("converted/model.safetensors"))
            #expect(try tensors == readTensors(workspace.file("policy/model.safetensors")))
            #expect(try workspace.score("converted").map(\.sums) == workspace.score("policy").map(\.sums))
        }

        @Test("the folder of a GGUF file is a whole one: inspect, prepare, score and generate take it")
        func wholeFolder() throws {
            let workspace = try Workspace()
            try workspace.makeGGUF()
            try convert(["model.gguf", "converted"], in: workspace)
            let inspected = try workspace.tandem(["inspect", "converted", "--verify"])
            #expect(inspected.exitCode == 0 && inspected.output.contains("9 in 3 key/value groups of 8"))
            try workspace.folder.write("{\"text\": \"the fox\"}\n", to: "texts.jsonl")
            let prepared = try workspace.tandem(
                ["prepare", "--input", "texts.jsonl", "--output", "texts.h5", "--tokenizer", "converted"])
            #expect(prepared.exitCode == 0, "\(prepared.errorOutput)")
            // the · Ġ · f · o · x · end: the first is predicted by nothing.
            #expect(try workspace.score("converted", data: "texts.h5").map { $0.parts[0].tokens.count } == [5])
            let generated = try workspace.tandem(
                ["generate", "--checkpoint", "converted", "--prompt", "the fox", "--max-new-tokens", "8"])
            #expect(generated.exitCode == 0, "\(generated.errorOutput)")
            #expect(!generated.output.isEmpty)
        }

        @Test("--dtype bfloat16 rounds every weight to the nearest, and the folder says so")
        func bfloat16() throws {
            let workspace = try Workspace()
            try workspace.makeGGUF()
            try convert(["model.gguf", "whole"], in: workspace)
            #expect(try convert(["model.gguf", "half", "--dtype", "bfloat16"], in: workspace).contains("as bfloat16"))
            #expect(try workspace.json("half/config.json")["dtype"] as? String == "bfloat16")
            let shown = try workspace.tandem(["inspect", "half", "--verify"])
            #expect(shown.exitCode == 0 && shown.output.contains("BF16") && !shown.output.contains("F32"))
            // Written out as float32 again, the rounding is all that shows.
            try convert(["half", "widened"], in: workspace)
            let whole = try readTensors(workspace.file("whole/model.safetensors"))
            let rounded = whole.mapValues { $0.map { Double(Float($0).roundedToBrain) } }
            #expect(try readTensors(workspace.file("widened/model.safetensors")) == rounded)
            #expect(rounded != whole)
        }

        @Test("a run becomes its export, and a folder is copied, tokenizer and all")
        func fromFolder() throws {
            let workspace = try Workspace()
            try workspace.folder.write("{\"a\": 1}", to: "policy/tokenizer.json")
            try workspace.train()
            try convert(["run", "of-run"], in: workspace)
            try convert(["run/export", "of-export"], in: workspace)
            for name in ["model.safetensors", "config.json", "tokenizer.json"] {
                #expect(try workspace.bytes("of-run/" + name) == workspace.bytes("run/export/" + name), "\(name)")
                #expect(try workspace.bytes("of-export/" + name) == workspace.bytes("run/export/" + name), "\(name)")
            }
            // The same rounding, whether a run exports in bfloat16 or is converted to it.
            try workspace.train(["export.dtype=bfloat16"], into: "half")
            try convert(["run", "converted", "--dtype", "bfloat16"], in: workspace)
            for name in ["model.safetensors", "config.json"] {
                #expect(try workspace.bytes("converted/" + name) == workspace.bytes("half/export/" + name), "\(name)")
            }
        }

        @Test("an earlier folder is replaced whole, its parents are made, and nothing else is left")
        func replaced() throws {
            let workspace = try Workspace()
            try workspace.makeGGUF()
            let before = Set(try workspace.snapshot().keys)
            try convert(["model.gguf", "models/new/converted"], in: workspace)
            let whole = try workspace.snapshot()
            try workspace.folder.write("stale", to: "models/new/converted/tokenizer.model")
            try convert(["model.gguf", "models/new/converted"], in: workspace)
            #expect(try workspace.snapshot() == whole)
            let added = Set(whole.keys).subtracting(before).sorted()
            let files = [
                "SHA256SUMS", "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                "tokenizer_config.json",
            ]
            #expect(added == ["models/", "models/new/", "models/new/converted/"] + files.map { "models/new/converted/" + $0 })
        }

        @Test("inspect prints what is in a GGUF file")
        func inspect() throws {
            let workspace = try Workspace()
            try workspace.makeGGUF()
            let shown = try workspace.tandem(["inspect", "model.gguf", "--verify"])
            #expect(shown.exitCode == 0, "\(shown.errorOutput)")
            let lines = shown.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            for line in [
                "name Tiny llama", "family llama", "types F32", "vocabulary 509", "width 40, feed-forward 112", "layers 3",
                "heads 9 in 3 key/value groups of 8", "positions 256, rope theta 10000.0",
                "tokenizer 101 tokens, qwen2 byte-level BPE, a chat template", "token_embd.weight F32 509 × 40",
                "blk.2.ffn_down.weight F32 40 × 112", "output_norm.weight F32 40",
                "every tensor of the architecture is there, in the right shape and a readable type",
            ] { #expect(lines.contains(line), "\(line)") }
            #expect(lines.contains("parameters \(unevenConfiguration(.llama).parameterCount)"))
        }

        @Test("inspect shows a GGUF file that can't be converted with the reason; with --verify that is a failure")
        func inspectUnsupported() throws {
            let workspace = try Workspace()
            try workspace.makeGGUF { $0.set("general.architecture", text("mamba")) }
            let shown = try workspace.tandem(["inspect", "model.gguf"])
            #expect(shown.exitCode == 0 && shown.errorOutput.isEmpty)
            for word in ["mamba", "unreadable", "is not implemented", "token_embd.weight"] { #expect(shown.output.contains(word)) }
            let verified = try workspace.tandem(["inspect", "model.gguf", "--verify"])
            #expect(verified.exitCode == Exit.configuration && verified.causeLines.count == 1 && verified.output.isEmpty)
        }
    }
}

extension ScoreLine {
    fileprivate var sums: [Double] { parts.map(\.sum) }
}

extension Float {
    /// The nearest number of bfloat16, of two equally near the even one: by arithmetic on the number, not on its bits.
    fileprivate var roundedToBrain: Float {
        guard self != 0 else { return self }
        let step = max(ulp, .leastNormalMagnitude.ulp) * 65536
        return (self / step).rounded(.toNearestOrEven) * step
    }
}
