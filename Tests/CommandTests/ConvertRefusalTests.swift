import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Models that can't be converted") struct ConvertRefusalTests {
        private static let command = ["convert", "model.gguf", "out"]

        static let sources = [
            Refusal(
                "a source that is not there", exit: Exit.missingInput, says: ["absent.gguf", "does not exist", "Give a GGUF file"],
                arguments: ["convert", "absent.gguf", "out"]),
            Refusal("an empty file", exit: Exit.damagedData, says: ["model.gguf", "is empty"], arguments: command) {
                try $0.write(Data(), to: "model.gguf")
            },
            Refusal(
                "a file of another format", exit: Exit.damagedData, says: ["model.gguf", "not a GGUF file"], arguments: command
            ) { try $0.copy("policy/model.safetensors", to: "model.gguf") },
            Refusal(
                "a GGUF file cut in its header", exit: Exit.damagedData, says: ["model.gguf", "truncated"], arguments: command
            ) {
                try $0.makeGGUF()
                try $0.write($0.bytes("model.gguf").prefix(3_000), to: "model.gguf")
            },
            Refusal(
                "a GGUF file without its last byte", exit: Exit.damagedData, says: ["model.gguf", "truncated"], arguments: command
            ) {
                try $0.makeGGUF()
                try $0.write($0.bytes("model.gguf").dropLast(), to: "model.gguf")
            },
            Refusal(
                "a tensor of a type that nobody knows", exit: Exit.configuration,
                says: ["model.gguf", "tensor blk.1.ffn_up.weight is stored as type 4711", "F32"], arguments: command
            ) { try $0.makeGGUF { $0.change("blk.1.ffn_up.weight") { $0.type = 4711 } } },
            Refusal(
                "a tensor of a type that is not read", exit: Exit.configuration,
                says: ["model.gguf", "tensor output_norm.weight is stored as F64", "F32"], arguments: command
            ) {
                try $0.makeGGUF {
                    $0.change("output_norm.weight") { tensor in
                        tensor.type = 28
                        tensor.data += tensor.data
                    }
                }
            },
            Refusal(
                "an architecture that is not computed", exit: Exit.configuration,
                says: ["model.gguf", "general.architecture = \"mamba\"", "llama or qwen2"], arguments: command
            ) { try $0.makeGGUF { $0.set("general.architecture", text("mamba")) } },
            Refusal(
                "a vocabulary that is not byte-level", exit: Exit.configuration,
                says: ["model.gguf", "tokenizer.ggml.model = \"llama\"", "byte-level BPE"], arguments: command
            ) { try $0.makeGGUF { $0.set("tokenizer.ggml.model", text("llama")) } },
            Refusal(
                "a tensor that is missing", exit: Exit.damagedData, says: ["model.gguf", "no tensor blk.2.attn_v.weight"],
                arguments: command
            ) { try $0.makeGGUF { $0.tensors.removeAll { $0.name == "blk.2.attn_v.weight" } } },
        ]

        static let folders = [
            Refusal(
                "a folder without a model", exit: Exit.missingInput, says: ["empty/config.json"],
                arguments: ["convert", "empty", "out"]
            ) { try $0.makeFolder("empty") },
            Refusal(
                "a run that has exported nothing", exit: Exit.missingInput, says: ["run", "no model yet", "--resume"],
                arguments: ["convert", "run", "out"]
            ) {
                try $0.makeFolder("run")
                try $0.folder.write("{\"state\": \"running\", \"step\": 3, \"reason\": null}", to: "run/status.json")
            },
            Refusal(
                "a folder of truncated weights", exit: Exit.damagedData, says: ["policy/model.safetensors"],
                arguments: ["convert", "policy", "out"]
            ) { try $0.write($0.bytes("policy/model.safetensors").dropLast(4), to: "policy/model.safetensors") },
            Refusal(
                "a folder that lacks a tensor", exit: Exit.damagedData, says: ["policy", "no tensor"],
                arguments: ["convert", "policy", "out"]
            ) { try $0.edit("policy/model.safetensors") { _ = $0.removeLast() } },
            Refusal(
                "a folder of another family", exit: Exit.configuration, says: ["policy/config.json", "mamba"],
                arguments: ["convert", "policy", "out"]
            ) { try $0.edit(json: "policy/config.json", ["model_type": "mamba"]) },
        ]

        static let destinations = [
            Refusal(
                "a folder that holds something else", exit: Exit.configuration, says: ["diary", "config.json", "Name another"],
                arguments: ["convert", "model.gguf", "diary"]
            ) {
                try $0.makeGGUF()
                try $0.makeFolder("diary")
                try $0.folder.write("mine", to: "diary/mine.txt")
            },
            Refusal(
                "a file in the destination's place", exit: Exit.configuration, says: ["pairs.h5", "Name another"],
                arguments: ["convert", "model.gguf", "pairs.h5"]
            ) { try $0.makeGGUF() },
            Refusal(
                "the file that is being read", exit: Exit.configuration, says: ["model.gguf", "being read"],
                arguments: ["convert", "model.gguf", "model.gguf"]
            ) { try $0.makeGGUF() },
            Refusal(
                "the folder that is being read", exit: Exit.configuration, says: ["policy", "being read", "Name another"],
                arguments: ["convert", "policy", "policy/../policy", "--dtype", "bfloat16"]),
            Refusal(
                "the folder in which the file is that is being read", exit: Exit.configuration, says: ["policy", "being read"],
                arguments: ["convert", "policy/model.gguf", "policy"]
            ) { try $0.makeGGUF("policy/model.gguf") },
            Refusal(
                "a file in the way", exit: Exit.inputOutput, says: ["pairs.h5", "can't be created"],
                arguments: ["convert", "model.gguf", "pairs.h5/out"]
            ) { try $0.makeGGUF() },
        ]

        static let commandLines = [
            Refusal("no destination", exit: Exit.usage, says: ["destination", "--help"], arguments: ["convert", "model.gguf"]),
            Refusal(
                "a type that is not written", exit: Exit.usage, says: ["float16", "float32", "bfloat16"],
                arguments: command + ["--dtype", "float16"]),
        ]

        /// An earlier folder stands where the new one would be: it must stay as it is.
        private func check(_ refusal: Refusal) throws {
            let workspace = try Workspace()
            try workspace.copy("reference", to: "out")
            try refusal.check(in: workspace, ranks: [nil])
        }

        @Test(
            "a file that can't be converted is told in one line, and no byte in the folder changes",
            arguments: ConvertRefusalTests.sources)
        func source(_ refusal: Refusal) throws { try check(refusal) }

        @Test(
            "a folder that can't be converted is told in one line, and no byte in it changes",
            arguments: ConvertRefusalTests.folders)
        func folder(_ refusal: Refusal) throws { try check(refusal) }

        @Test("a destination that must not be replaced is told in one line and stays", arguments: ConvertRefusalTests.destinations)
        func destination(_ refusal: Refusal) throws { try check(refusal) }

        @Test("a wrong command line is told in one line", arguments: ConvertRefusalTests.commandLines)
        func commandLine(_ refusal: Refusal) throws { try check(refusal) }

        /// A limit on the size of files, in blocks of 512 bytes, stands for a full disk: the weights take about 400.
        @Test("a disk that fills up leaves what was there, byte for byte", arguments: ["out", "new/folder/out"], [1, 100])
        func fullDisk(destination: String, blocks: Int) throws {
            let workspace = try Workspace()
            try workspace.copy("reference", to: "out")
            try workspace.makeGGUF()
            let before = try workspace.snapshot()
            let result = try workspace.shell("ulimit -f \(blocks); exec \"$TANDEM\" convert model.gguf \(destination)")
            #expect(result.exitCode == Exit.inputOutput, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.errorOutput == result.causeLines.joined() + "\n")
            #expect(result.causeLines.first?.contains("File too large") == true, "\(result.errorOutput)")
            #expect(try workspace.snapshot() == before)
        }
    }
}
