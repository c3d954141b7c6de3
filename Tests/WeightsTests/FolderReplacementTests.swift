import Foundation
import Settings
import Tensors
import Testing

@testable import Weights

@Suite("Whose files an export replaces") struct FolderReplacementTests {
    private let folder: TemporaryFolder
    private var destination: String { folder.path + "/out" }

    init() throws { folder = try TemporaryFolder() }

    private let tensors = [SafetensorsWriter.Tensor(name: "a", elementType: .float32, shape: [1, 2])]
    private let json = Data(configuration().utf8)

    private func export(_ values: [Float], to path: String? = nil, others: OtherFiles = .refused) throws(Failure) {
        var export = try HuggingFaceExport(
            to: path ?? destination, others: others, configurationJSON: json, tensors: tensors)
        try export.append(Matrix(rowCount: 1, columnCount: 2, values: values), to: "a")
        try export.commit()
    }

    private func exported(_ path: String? = nil) throws -> [Float] {
        try HuggingFaceCheckpoint(folder: path ?? destination).matrix(named: "a", rowCount: 1, columnCount: 2).widened
    }

    private func refusal(others: OtherFiles = .refused) throws -> Failure {
        try #require(throws: Failure.self) { try export([3, 4], others: others) }
    }

    private func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/\(name)", withDestinationPath: target)
    }

    @Test(
        "everything that is not a model's is refused by name, and all stays",
        arguments: [
            ("README.md", "# my model card"), ("notes/2026.txt", "years of work"), (".git/HEAD", "ref: refs/heads/main"),
            ("pytorch_model.bin", "weights"), ("model.safetensors.bak", "weights"), ("train.h5", "data"),
        ])
    func others(_ name: String, _ text: String) throws {
        try export([1, 2])
        try folder.write("out/" + name, text: text)
        let failure = try refusal()
        let first = String(name.prefix { $0 != "/" })
        #expect(failure.exitCode == .configuration && failure.reason.hasPrefix("holds \(first), "), "\(failure)")
        #expect(failure.remedy.contains("--overwrite"))
        #expect(try folder.read("out/" + name) == text)
        #expect(try exported() == [1, 2])
        #expect(try folder.names() == ["out"])
    }

    @Test(
        "files of a model's names that hold something else are refused",
        arguments: [
            ("config.json", #"{"theme": "dark"}"#), ("vocab.json", #"{"words": ["a"]}"#), ("merges.txt", "a list of roads that merge"),
            ("model.safetensors", "not tensors"), ("SHA256SUMS", String(repeating: "0", count: 64) + "  thesis.pdf"),
        ])
    func otherContent(_ name: String, _ text: String) throws {
        try folder.write("out/" + name, text: text)
        let failure = try refusal()
        #expect(failure.exitCode == .configuration && failure.reason.contains("holds \(name)"), "\(failure)")
        #expect(try folder.read("out/" + name) == text)
    }

    @Test("a tokenizer's folder is no model's")
    func tokenizerFolder() throws {
        try folder.write("out/tokenizer.json", text: "{}")
        #expect(try refusal().reason.contains("holds tokenizer.json and holds no config.json"))
        try export([1, 2], others: .kept)
        #expect(try folder.names("out") == ["SHA256SUMS", "config.json", "model.safetensors"])
    }

    @Test("all that Hugging Face's libraries write is replaced, shards and their index too")
    func usual() throws {
        try export([1, 2])
        for name in [
            "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
            "chat_template.jinja", "model.safetensors.index.json",
        ] { try folder.write("out/" + name, text: "{}") }
        try folder.write("out/vocab.json", text: #"{"a": 0, "b": 1}"#)
        try folder.write("out/merges.txt", text: "#version: 0.2\na b\n")
        for part in ["00001", "00002"] {
            try FileManager.default.copyItem(
                atPath: destination + "/model.safetensors", toPath: destination + "/model-\(part)-of-00002.safetensors")
        }
        try export([3, 4])
        #expect(try folder.names("out") == ["SHA256SUMS", "config.json", "model.safetensors"])
        #expect(try exported() == [3, 4])
    }

    @Test("kept files stay beside the new model, with folders and links as they are; one of a new file's name makes way")
    func kept() throws {
        try folder.write("elsewhere", text: "mine")
        try folder.write("out/README.md", text: "# mine")
        try folder.write("out/data/deep/notes.txt", text: "notes")
        try folder.write("out/config.json", text: "not a model's")
        try folder.write("out/vocab.json", text: "my words")
        try link("out/link", to: folder.path + "/elsewhere")
        try export([1, 2], others: .kept)
        #expect(try exported() == [1, 2])
        #expect(try folder.read("out/README.md") == "# mine")
        #expect(try folder.read("out/data/deep/notes.txt") == "notes")
        #expect(try folder.read("out/vocab.json") == "my words")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: destination + "/link") == folder.path + "/elsewhere")
        try export([3, 4], others: .kept)
        #expect(try exported() == [3, 4])
        #expect(
            try folder.names("out")
                == ["README.md", "SHA256SUMS", "config.json", "data", "link", "model.safetensors", "vocab.json"])
        #expect(try folder.names() == ["elsewhere", "out"])
    }

    @Test("a folder of the name of a model's file is not replaced by it")
    func folderOfSuchName() throws {
        try folder.write("out/model.safetensors/mine.txt", text: "mine")
        #expect(try refusal().reason.contains("model.safetensors"))
        #expect(try refusal(others: .kept).reason.contains("a folder model.safetensors"))
        #expect(try folder.read("out/model.safetensors/mine.txt") == "mine")
    }

    @Test("a file that came while the export was written is kept too")
    func late() throws {
        try export([1, 2])
        var export = try HuggingFaceExport(to: destination, configurationJSON: json, tensors: tensors)
        try export.append(Matrix(rowCount: 1, columnCount: 2, values: [3, 4]), to: "a")
        try folder.write("out/notes.txt", text: "late")
        try export.commit()
        #expect(try exported() == [3, 4])
        #expect(try folder.read("out/notes.txt") == "late")
    }

    @Test("other files that a kill left in the old folder come back with the next export")
    func interruptedSettling() throws {
        try export([1, 2])
        try folder.write(".out.tandem-previous/config.json", text: configuration())
        try folder.write(".out.tandem-previous/notes/mine.txt", text: "mine")
        try export([3, 4], others: .kept)
        #expect(try folder.read("out/notes/mine.txt") == "mine")
        #expect(try exported() == [3, 4])
        #expect(try folder.names() == ["out"])
    }

    @Test("links lead to the folder that is looked into, and nothing is written through a link in it")
    func links() throws {
        try folder.write("work/thesis.tex", text: "years of work")
        try link("out", to: folder.path + "/work")
        #expect(try refusal().reason.contains("holds thesis.tex"))
        #expect(try folder.read("work/thesis.tex") == "years of work")
        // As a hub's cache keeps a model: links to files elsewhere.
        try export([1, 2], to: folder.path + "/blobs")
        let cached = folder.path + "/cached"
        try FileManager.default.createDirectory(atPath: cached, withIntermediateDirectories: true)
        for name in ["config.json", "model.safetensors"] { try link("cached/" + name, to: "\(folder.path)/blobs/\(name)") }
        try export([3, 4], to: cached)
        #expect(try exported(cached) == [3, 4])
        #expect(try exported(folder.path + "/blobs") == [1, 2])
        // A link in place of a new file that leads to something else.
        try folder.write("precious.json", text: "{}")
        try FileManager.default.removeItem(atPath: cached + "/config.json")
        try link("cached/config.json", to: folder.path + "/precious.json")
        #expect(throws: Failure.self) { try export([5, 6], to: cached) }
        try export([5, 6], to: cached, others: .kept)
        #expect(try folder.read("precious.json") == "{}")
    }

    @Test("a link that leads nowhere, the root and the home folder are no destinations, whatever is kept")
    func places() throws {
        try link("out", to: folder.path + "/nowhere")
        for others in [OtherFiles.refused, .kept] {
            #expect(try refusal(others: others).reason.contains("leads nowhere"))
            for (path, words) in [("/", "root"), ("/usr", "system"), ("/etc", "system")] {
                let failure = try #require(throws: Failure.self) { try HuggingFaceExport.check(destination: path, others: others) }
                #expect(failure.exitCode == .configuration && failure.reason.contains(words), "\(failure)")
            }
        }
        #expect(try folder.names() == ["out"])
    }

    @Test("the check before any work says the same and makes nothing")
    func early() throws {
        try HuggingFaceExport.check(destination: folder.path + "/a/b/c")
        #expect(try folder.names() == [])
        try folder.write("out/thesis.tex", text: "years of work")
        let early = try #require(throws: Failure.self) { try HuggingFaceExport.check(destination: destination) }
        #expect(early == (try refusal()))
        try HuggingFaceExport.check(destination: destination, others: .kept)
    }
}
