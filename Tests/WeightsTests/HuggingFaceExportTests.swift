import Files
import Foundation
import Settings
import Tensors
import Testing

@testable import Weights

@Suite struct HuggingFaceExportTests {
    private let folder: TemporaryFolder
    private var destination: String { folder.path + "/out" }

    init() throws { folder = try TemporaryFolder() }

    private let tensors = [SafetensorsWriter.Tensor(name: "a", elementType: .float32, shape: [1, 2])]
    private let json = Data(configuration().utf8)

    private func begin(source: String? = nil, protecting: [String] = []) throws(Failure) -> HuggingFaceExport {
        try HuggingFaceExport(
            to: destination, configurationJSON: json, tensors: tensors, copyingFrom: source, protecting: protecting)
    }

    private func export(_ values: [Float], source: String? = nil, protecting: [String] = []) throws(Failure) {
        var export = try begin(source: source, protecting: protecting)
        try export.append(Matrix(rowCount: 1, columnCount: 2, values: values), to: "a")
        try export.commit()
    }

    private var exported: [Float] {
        get throws {
            try HuggingFaceCheckpoint(folder: destination).matrix(named: "a", rowCount: 1, columnCount: 2).widened
        }
    }

    @Test("an export opens as a checkpoint, with the source's tokenizer files and no others, and leaves nothing else")
    func roundTrip() throws {
        try folder.write("source/config.json", text: "{}")
        try folder.write("source/tokenizer.json", text: "{\"tokenizer\": 1}")
        try folder.write("source/merges.txt", text: "")
        try folder.write("source/README.md", text: "not copied")
        try export([1, 2], source: folder.path + "/source")
        #expect(try folder.names() == ["out", "source"])
        #expect(try folder.names("out") == ["SHA256SUMS", "config.json", "merges.txt", "model.safetensors", "tokenizer.json"])
        #expect(try exported == [1, 2])
        #expect(try HuggingFaceCheckpoint(folder: destination).configurationJSON == json)
        #expect(try HuggingFaceCheckpoint(folder: destination).files[0].metadata == ["format": "pt"])
        #expect(try folder.read("out/tokenizer.json") == "{\"tokenizer\": 1}")
    }

    @Test("bytes of a checkpoint that is exported unchanged are the bytes it had")
    func unchangedBytes() throws {
        try export([.pi, -0.0])
        let before = try Data(contentsOf: URL(fileURLWithPath: destination + "/model.safetensors"))
        try export(try exported)
        #expect(try Data(contentsOf: URL(fileURLWithPath: destination + "/model.safetensors")) == before)
    }

    @Test("a later export replaces the whole folder, while views of the old one stay readable")
    func replacing() throws {
        try export([1, 2])
        try folder.write("out/generation_config.json", text: "{}")
        let old = try HuggingFaceCheckpoint(folder: destination)
        try export([3, 4])
        #expect(try exported == [3, 4])
        #expect(try old.matrix(named: "a", rowCount: 1, columnCount: 2).widened == [1, 2])
        #expect(try folder.names("out") == ["SHA256SUMS", "config.json", "model.safetensors"])
        #expect(try folder.names() == ["out"])
    }

    @Test("an export that is dropped leaves the old folder and nothing else")
    func dropped() throws {
        try export([1, 2])
        do {
            var export = try begin()
            try export.append(Matrix(rowCount: 1, columnCount: 2, values: [3, 4]), to: "a")
            #expect(try folder.names().count == 2)
        }
        #expect(try folder.names() == ["out"])
        #expect(try exported == [1, 2])
    }

    @Test("an export that fails midway leaves the old folder and nothing else")
    func failing() throws {
        try export([1, 2])
        // A folder where a file should be can't be copied.
        try folder.write("source/tokenizer.json/x", text: "")
        let failure = try #require(throws: Failure.self) { try export([3, 4], source: folder.path + "/source") }
        #expect(failure.exitCode == .damagedData && failure.place.hasSuffix("source/tokenizer.json"))
        #expect(try folder.names() == ["out", "source"])
        #expect(try exported == [1, 2])
    }

    @Test("when the new folder can't take its place the old one is put back")
    func failingSwap() throws {
        try export([1, 2])
        let failure = try #require(throws: Failure.self) {
            try FolderSwap(of: destination, aside: folder.path + "/aside") { _, _ in true }.replace(with: folder.path + "/none")
        }
        #expect(failure.exitCode == .inputOutput)
        #expect(try exported == [1, 2])
        #expect(try folder.names() == ["out"])
    }

    @Test("the folder that a kill between the renames set aside is put back by the next export")
    func interruptedSwap() throws {
        try export([1, 2])
        try FileManager.default.moveItem(atPath: destination, toPath: folder.path + "/.out.tandem-previous")
        do { _ = try begin() }
        #expect(try exported == [1, 2])
        #expect(try folder.names() == ["out"])
    }

    @Test("what a kill after the renames left is removed by the next export")
    func interruptedRemoval() throws {
        try export([1, 2])
        try folder.write(".out.tandem-previous/config.json", text: "{}")
        do { _ = try begin() }
        #expect(try folder.names() == ["out"])
        #expect(try exported == [1, 2])
    }

    @Test("a killed process's unfinished folder is removed by the next export, a running one's is not")
    func stale() throws {
        try folder.write(".out.tandem-partial-1-a/model.safetensors", text: "half")
        var running = try begin()
        #expect(try folder.names().count == 1)
        try export([3, 4])
        try running.append(Matrix(rowCount: 1, columnCount: 2, values: [5, 6]), to: "a")
        #expect(try exported == [3, 4])
        try running.commit()
        #expect(try exported == [5, 6])
        #expect(try folder.names() == ["out"])
    }

    @Test("a checkpoint that is being read is never replaced, by whatever path it is named")
    func protected() throws {
        try export([1, 2])
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/link", withDestinationPath: destination)
        for source in [
            destination, destination + "/", folder.path + "/link", folder.path + "/x/../out", destination + "/.",
        ] {
            try FileManager.default.createDirectory(atPath: folder.path + "/x", withIntermediateDirectories: true)
            let failure = try #require(throws: Failure.self) { try export([3, 4], source: source) }
            #expect(failure.exitCode == .configuration)
            #expect(throws: Failure.self) { try export([3, 4], protecting: [source]) }
        }
        // A checkpoint inside the destination would go with it.
        try folder.write("out/inner/config.json", text: "{}")
        #expect(throws: Failure.self) { try export([3, 4], protecting: [destination + "/inner"]) }
        #expect(try exported == [1, 2])
    }

    @Test("only an empty folder or an earlier export is replaced")
    func foreignFolder() throws {
        try folder.write("out/thesis.tex", text: "years of work")
        let failure = try #require(throws: Failure.self) { try export([1, 2]) }
        #expect(failure.exitCode == .configuration && failure.description.contains("holds no config.json"))
        #expect(try folder.read("out/thesis.tex") == "years of work")
        try FileManager.default.removeItem(atPath: destination)

        try folder.write("out", text: "a file")
        #expect(throws: Failure.self) { try export([1, 2]) }
        #expect(try folder.read("out") == "a file")
        try FileManager.default.removeItem(atPath: destination)

        try FileManager.default.createDirectory(atPath: destination, withIntermediateDirectories: true)
        try export([1, 2])
        #expect(try exported == [1, 2])
    }

    @Test("a destination whose parents don't exist is made, a link is followed")
    func paths() throws {
        var deep = try HuggingFaceExport(to: folder.path + "/p/q/deep/", configurationJSON: json, tensors: tensors)
        try deep.append(Matrix(rowCount: 1, columnCount: 2, values: [1, 2]), to: "a")
        try deep.commit()
        #expect(try folder.names("p/q") == ["deep"])
        try FileManager.default.createSymbolicLink(atPath: destination, withDestinationPath: folder.path + "/p/q/deep")
        try export([3, 4])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: destination) == folder.path + "/p/q/deep")
        #expect(try exported == [3, 4])
        let failure = try #require(throws: Failure.self) {
            _ = try HuggingFaceExport(to: "/dev/null/x", configurationJSON: json, tensors: tensors)
        }
        #expect(failure.exitCode == .inputOutput)
    }
}
