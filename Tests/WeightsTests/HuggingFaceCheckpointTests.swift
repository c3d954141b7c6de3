import Foundation
import Settings
import Tensors
import TestSupport
import Testing

@testable import Weights

@Suite struct HuggingFaceCheckpointTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("config.json", text: configuration())
    }

    private func index(_ map: String) throws {
        try folder.write(
            "model.safetensors.index.json", text: #"{"metadata":{"total_size":16},"weight_map":{\#(map)}}"#)
    }

    /// One file of float32 vectors of two elements.
    private func weights(_ name: String, _ tensors: [String]) throws {
        let entries = tensors.enumerated().map { entry($1, "F32", [2], 8 * $0, 8 * $0 + 8) }
        let values = tensors.indices.flatMap { [Float($0), Float($0) + 0.5] }
        try folder.write(name, safetensors("{" + entries.joined(separator: ",") + "}", data: bytes(values)))
    }

    private func open() throws(Failure) -> HuggingFaceCheckpoint { try HuggingFaceCheckpoint(folder: folder.path) }

    @Test("a folder with one file opens, and its config.json is kept byte for byte")
    func single() throws {
        try weights("model.safetensors", ["a", "b"])
        let checkpoint = try open()
        #expect(checkpoint.configuration.hiddenSize == 8)
        #expect(checkpoint.configurationJSON == Data(configuration().utf8))
        #expect(checkpoint.tensorNames == ["a", "b"])
        #expect(checkpoint.totalParameterCount == 4)
        #expect(checkpoint.elementType == .float32)
        #expect(checkpoint.elementTypeSummary == "F32")
        #expect(try checkpoint.matrix(named: "b", rowCount: 1, columnCount: 2).widened == [1, 1.5])
    }

    @Test("tensors of several files are found by the index")
    func several() throws {
        try index(#""a":"one.safetensors","b":"two.safetensors","c":"two.safetensors""#)
        try weights("one.safetensors", ["a"])
        try weights("two.safetensors", ["b", "c"])
        let checkpoint = try open()
        #expect(checkpoint.tensorNames == ["a", "b", "c"])
        #expect(try checkpoint.matrix(named: "a", rowCount: 1, columnCount: 2).widened == [0, 0.5])
        #expect(try checkpoint.matrix(named: "c", rowCount: 1, columnCount: 2).widened == [1, 1.5])
        let failure = try #require(throws: Failure.self) {
            try checkpoint.matrix(named: "d", rowCount: 1, columnCount: 2)
        }
        #expect(failure.exitCode == .damagedData && failure.description.contains("no tensor d"))
    }

    @Test("mixed types are summarised, the commonest first")
    func mixed() throws {
        let header =
            "{\(entry("a", "F32", [1], 0, 4)),\(entry("b", "BF16", [1], 4, 6)),\(entry("c", "BF16", [1], 6, 8))}"
        try folder.write("model.safetensors", safetensors(header, data: Array(repeating: 0, count: 8)))
        let checkpoint = try open()
        #expect(checkpoint.elementType == nil)
        #expect(checkpoint.elementTypeSummary == "BF16 (2 tensors), F32 (1)")
    }

    @Test(
        "an index that names a file outside the folder is refused before any file is opened",
        arguments: [
            "../model.safetensors", "/etc/model.safetensors", "sub/model.safetensors", "..", ".", "",
            ".hidden.safetensors",
            "..\\\\model.safetensors", "a\\u0000.safetensors", "a\\u002f..\\u002fb.safetensors", "model.bin",
        ])
    func traversal(name: String) throws {
        try index(#""a":"\#(name)""#)
        try folder.write("sub/model.safetensors", safetensors("{\(entry("a", "F32", [1], 0, 4))}", data: bytes([1])))
        let failure = try #require(throws: Failure.self) { try open() }
        #expect(failure.exitCode == .damagedData)
        #expect(failure.description.contains("plain name"))
    }

    @Test("a weight file that is a link is followed: model hubs keep their caches so")
    func links() throws {
        try weights("blob", ["a"])
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/model.safetensors", withDestinationPath: folder.path + "/blob")
        #expect(try open().tensorNames == ["a"])
    }

    @Test("weights that are only there as a pickle are refused by name, and not opened")
    func pickle() throws {
        try folder.write("config.json", text: configuration())
        try folder.write("pytorch_model.bin", [0x80, 0x02])
        try folder.write("training_args.bin", [0x80, 0x02])
        let failure = try #require(throws: Failure.self) { try open() }
        #expect(failure.exitCode == .configuration && failure.description.contains("pytorch_model.bin, a pickle"))
    }

    @Test("a model of more layers than any is refused before a list of them is made")
    func layers() throws {
        try weights("model.safetensors", ["a"])
        try folder.write("config.json", text: configuration(["num_hidden_layers": "2000000000"]))
        let failure = try #require(throws: Failure.self) { try open() }
        #expect(failure.exitCode == .damagedData && failure.description.contains("num_hidden_layers"))
    }

    @Test("a weight file that is a pipe is refused at once", .timeLimit(.minutes(1)))
    func pipe() throws {
        try folder.write("config.json", text: configuration())
        try #require(mkfifo(folder.path + "/model.safetensors", 0o600) == 0)
        let failure = try #require(throws: Failure.self) { try open() }
        #expect(failure.exitCode == .damagedData && failure.description.contains("regular file"))
    }

    @Test("index and files that disagree are refused, naming the tensor")
    func disagreement() throws {
        try weights("one.safetensors", ["a"])
        try weights("two.safetensors", ["a", "b"])
        for (map, says) in [
            (#""a":"one.safetensors","b":"two.safetensors""#, "tensor a is in both"),
            (#""a":"two.safetensors""#, "does not list tensor b"),
            (#""a":"one.safetensors","c":"one.safetensors""#, "names one.safetensors for tensor c"),
            (#""a":"one.safetensors","a":"two.safetensors""#, "\"a\" occurs twice"),
            (#""\u00e9":"one.safetensors","e\u0301":"one.safetensors""#, "\"e\u{301}\" occurs twice"),
            (#""a":7"#, "a = 7 is not a file name"),
            ("", "no weight_map"),
        ] {
            try index(map)
            let failure = try #require(throws: Failure.self) { try open() }
            #expect(failure.exitCode == .damagedData)
            #expect(failure.description.contains(says))
        }
        try index(#""a":"one.safetensors","b":"three.safetensors""#)
        #expect(try #require(throws: Failure.self) { try open() }.exitCode == .missingInput)
    }

    @Test("missing folders, configurations and weights have their own exit code")
    func missing() throws {
        let noWeights = try #require(throws: Failure.self) { try open() }
        #expect(noWeights.exitCode == .missingInput && noWeights.description.contains("neither model.safetensors nor"))
        let noFolder = try #require(throws: Failure.self) { try HuggingFaceCheckpoint(folder: folder.path + "/none") }
        #expect(noFolder.exitCode == .missingInput)
        try weights("model.safetensors", ["a"])
        #expect(throws: Never.self) { try open() }
        try FileManager.default.removeItem(atPath: folder.path + "/config.json")
        let noConfiguration = try #require(throws: Failure.self) { try open() }
        #expect(noConfiguration.exitCode == .missingInput && noConfiguration.place.hasSuffix("/config.json"))
        let file = try #require(throws: Failure.self) {
            try HuggingFaceCheckpoint(folder: folder.path + "/model.safetensors")
        }
        #expect(file.description.contains("is a file"))
    }

    @Test("a tensor of another architecture is refused by name")
    func unexpected() throws {
        try weights("model.safetensors", ["a", "b", "model.layers.0.self_attn.rotary_emb.inv_freq", "lm_head.weight"])
        #expect(throws: Never.self) { try open().checkNothingUnexpected(known: ["a", "b", "c"]) }
        let failure = try #require(throws: Failure.self) { try open().checkNothingUnexpected(known: ["b"]) }
        #expect(failure.exitCode == .damagedData && failure.description.contains("tensor a belongs to no part"))

        try folder.write("config.json", text: configuration(["tie_word_embeddings": "false"]))
        let untied = try #require(throws: Failure.self) { try open().checkNothingUnexpected(known: ["a", "b"]) }
        #expect(untied.description.contains("tensor lm_head.weight"))
    }

    // MARK: Heads that are tied

    /// A folder whose embedding and head, in files of their own, are 10 × 8 numbers from `first`.
    private func sharded(embedding: Int?, head: Int?) throws {
        try folder.write("config.json", text: configuration())
        var entries: [String] = []
        for (name, first) in [("model.embed_tokens.weight", embedding), ("lm_head.weight", head)] {
            guard let first else { continue }
            let file = "of-\(name.prefix(2)).safetensors"
            entries.append("\"\(name)\":\"\(file)\"")
            try folder.write(
                file, safetensors("{\(entry(name, "F32", [10, 8], 0, 320))}", data: bytes((first..<first + 80).map(Float.init))))
        }
        try index(entries.joined(separator: ","))
    }

    @Test("a head beside the embedding that it is tied to: other numbers untie it, in config.json as well; the same don't")
    func tiedHeads() throws {
        try sharded(embedding: 0, head: 1)
        let own = try open()
        #expect(!own.configuration.tiedEmbeddings)
        #expect(String(decoding: own.configurationJSON, as: UTF8.self).contains("\"tie_word_embeddings\": false"))
        #expect(own.notices.count == 1 && own.notices[0].contains("lm_head.weight holds other values"))
        #expect(try own.matrix(named: "lm_head.weight", rowCount: 10, columnCount: 8).widened == (1..<81).map(Float.init))

        try sharded(embedding: 7, head: 7)
        let same = try open()
        #expect(same.configuration.tiedEmbeddings && same.notices.isEmpty)
        #expect(same.configurationJSON == Data(configuration().utf8))
        #expect(throws: Never.self) { try same.checkNothingUnexpected(known: ["model.embed_tokens.weight"]) }

        try folder.write("config.json", text: configuration(["tie_word_embeddings": "false"]))
        #expect(try !open().configuration.tiedEmbeddings)
    }

    @Test("a tied head that is stored alone is found under the embedding's name, too")
    func headAlone() throws {
        try sharded(embedding: nil, head: 3)
        let checkpoint = try open()
        #expect(checkpoint.configuration.tiedEmbeddings && checkpoint.notices.isEmpty)
        for name in ["model.embed_tokens.weight", "lm_head.weight"] {
            #expect(try checkpoint.matrix(named: name, rowCount: 10, columnCount: 8).widened == (3..<83).map(Float.init))
            #expect(checkpoint.tensor(named: name)?.name == "lm_head.weight")
        }
        #expect(throws: Never.self) { try checkpoint.checkNothingUnexpected(known: ["model.embed_tokens.weight"]) }
        try folder.write("config.json", text: configuration(["tie_word_embeddings": "false"]))
        #expect(throws: Failure.self) { try open().matrix(named: "model.embed_tokens.weight", rowCount: 10, columnCount: 8) }
    }

    @Test("a program that config.json names is said not to be run")
    func program() throws {
        try weights("model.safetensors", ["a"])
        try folder.write("config.json", text: configuration(["auto_map": #"{"AutoModelForCausalLM":"modeling_x.X"}"#]))
        #expect(try open().notices.count == 1 && open().notices[0].contains("auto_map"))
    }

    // MARK: Other folders

    @Test("an adapter is named as one, with the model that it changes and the way to merge it, alone or beside a model")
    func adapters() throws {
        try folder.write("adapter_config.json", text: #"{"peft_type":"LORA","base_model_name_or_path":"models/base"}"#)
        let only = try #require(throws: Failure.self) { try open() }
        #expect(only.exitCode == .configuration && only.place == folder.path)
        #expect(only.reason == "is a PEFT adapter (adapter_config.json), not a model: it changes models/base")
        #expect(only.remedy.contains("merge_and_unload"))

        try weights("model.safetensors", ["a"])
        let beside = try #require(throws: Failure.self) { try open() }
        #expect(beside.exitCode == .configuration && beside.reason.contains("beside a model, of models/base: Transformers"))
        #expect(beside.remedy.contains("merge_and_unload") && beside.remedy.contains("out of the folder"))

        try FileManager.default.removeItem(atPath: folder.path + "/adapter_config.json")
        for name in ["adapter_model.safetensors", "adapter_model.bin"] {
            try folder.write(name, [0])
            #expect(try #require(throws: Failure.self) { try open() }.reason.contains("a PEFT adapter (\(name))"))
            try FileManager.default.removeItem(atPath: folder.path + "/" + name)
        }
        #expect(throws: Never.self) { try open() }
    }

    @Test("an adapter's configuration that is no JSON, or names no model, is an adapter all the same")
    func damagedAdapter() throws {
        for text in ["{", "[]", #"{"base_model_name_or_path":null}"#, ""] {
            try folder.write("adapter_config.json", text: text)
            #expect(try #require(throws: Failure.self) { try open() }.reason.hasSuffix("not a model: it changes another model"))
        }
    }

    @Test("formats of other programs are named where there is no config.json")
    func formats() throws {
        try FileManager.default.removeItem(atPath: folder.path + "/config.json")
        try folder.write("model-q8.gguf", [0])
        let gguf = try #require(throws: Failure.self) { try open() }
        #expect(gguf.reason.contains("a GGUF file, model-q8.gguf") && gguf.remedy.contains("tandem convert"))
        try folder.write("params.json", text: "{}")
        try folder.write("consolidated.safetensors", [0])
        #expect(try #require(throws: Failure.self) { try open() }.reason.contains("params.json and consolidated.safetensors"))
    }

    @Test("weights under another name are named")
    func otherNames() throws {
        try weights("model.fp16.safetensors", ["a"])
        let failure = try #require(throws: Failure.self) { try open() }
        #expect(failure.exitCode == .missingInput && failure.reason.contains("neither model.safetensors nor"))
        #expect(failure.reason.hasSuffix("only model.fp16.safetensors"))
    }

    @Test(
        "tensors that would change what a llama computes are refused by name, and buffers that follow from config.json pass",
        arguments: [
            ("model.layers.0.self_attn.q_proj.bias", false), ("model.layers.0.self_attn.q_norm.weight", false),
            ("lm_head.bias", false), ("model.layers.0.mlp.down_proj.bias", false),
            ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", false), ("v_head.weight", false),
            ("model.layers.0.self_attn.rotary_emb.inv_freq", true), ("model.rotary_emb.inv_freq", true),
        ])
    func extraTensors(name: String, isHarmless: Bool) throws {
        try weights("model.safetensors", ["a", name])
        let failure = Result { () throws(Failure) in try open().checkNothingUnexpected(known: ["a"]) }
        switch failure {
        case .success: #expect(isHarmless)
        case .failure(let failure): #expect(!isHarmless && failure.reason.contains("tensor \(name) belongs to no part"))
        }
    }

    @Test("a value that is no number is found in every type, with its tensor and row")
    func numbers() throws {
        let header = "{\(entry("a", "F32", [2, 2], 0, 16)),\(entry("b", "BF16", [3, 1], 16, 22)),\(entry("c", "I64", [1], 22, 30))}"
        let fine = bytes([1, 2, 3, 4]) + [0x80, 0x3F, 0x80, 0x3F, 0x7F, 0x7F] + Array(repeating: 0xFF, count: 8)
        try folder.write("model.safetensors", safetensors(header, data: fine))
        #expect(throws: Never.self) { try open().checkNumbers() }
        for (place, bytes, words) in [
            (12, bytes([.nan]), "tensor a has 1 of 4 values that are not finite, the first in row 1"),
            (18, [0x80, 0x7F, 0x80, 0xFF], "tensor b has 2 of 3 values that are not finite, the first in row 1"),
        ] {
            var wrong = fine
            wrong.replaceSubrange(place..<place + 4, with: bytes)
            try folder.write("model.safetensors", safetensors(header, data: wrong))
            let failure = try #require(throws: Failure.self) { try open().checkNumbers() }
            #expect(failure.exitCode == .damagedData && failure.reason == words)
        }
    }
}
