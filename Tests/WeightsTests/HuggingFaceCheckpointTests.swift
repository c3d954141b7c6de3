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
}
