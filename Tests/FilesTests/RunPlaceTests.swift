import Files
import Foundation
import Settings
import TestSupport
import Testing

@Suite("A run's folder in place of a model's") struct RunPlaceTests {
    private let folder = TemporaryFolder()

    private func write(_ text: String = "", to names: String...) throws {
        for name in names {
            let path = folder.file(name)
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try folder.write(text, to: name)
        }
    }

    private func makeRun(exports: [String] = [], checkpoints: [Int] = []) throws {
        try write(#"{"state": "running", "step": 3, "reason": null}"#, to: "run/status.json")
        for export in exports { try write("{}", to: "run/\(export)/config.json") }
        for step in checkpoints { try write("{}", to: "run/checkpoints/step-\(step)/manifest.json") }
    }

    private func remedy(_ name: String) throws -> String {
        let failure = try #require(throws: Failure.self) { try RunPlace.refuse(asModel: folder.file(name)) }
        #expect(failure.exitCode == .missingInput)
        return failure.description.replacing(folder.path + "/", with: "")
    }

    @Test("a run's export is named, where it is there")
    func export() throws {
        try makeRun(exports: ["export", "export-step-2"], checkpoints: [2, 4])
        #expect(RunPlace(folder.file("run")) == .run)
        #expect(try remedy("run").contains("run/export."))
        #expect(try remedy("run/").contains("run/export."))
    }

    @Test("else the command that makes a model of the latest checkpoint, by its number")
    func latest() throws {
        try makeRun(exports: ["export-step-2"], checkpoints: [2, 10, 9])
        #expect(try remedy("run").contains("tandem convert run/checkpoints/step-10 FOLDER"))
        #expect(RunPlace(folder.file("run/checkpoints")) == .checkpoints)
        #expect(try remedy("run/checkpoints").contains("tandem convert run/checkpoints/step-10 FOLDER"))
        #expect(RunPlace(folder.file("run/checkpoints/step-2")) == .checkpoint)
        #expect(try remedy("run/checkpoints/step-2").contains("tandem convert run/checkpoints/step-2 FOLDER"))
    }

    @Test("else its latest export of a step; a run with nothing is told to go on")
    func others() throws {
        try makeRun()
        #expect(try remedy("run").contains("no model yet") && remedy("run").contains("--resume"))
        try makeRun(exports: ["export-step-8", "export-step-10"])
        #expect(try remedy("run").contains("run/export-step-10."))
    }

    @Test("models, other folders, files and nothing are no run's")
    func none() throws {
        try write("{}", to: "model/config.json", "model/manifest.json", "other/notes.txt", "data/status.json", "steps/step-1/notes.txt")
        for name in ["model", "other", "data", "steps", "other/notes.txt", "absent"] {
            #expect(RunPlace(folder.file(name)) == nil, "\(name)")
            try RunPlace.refuse(asModel: folder.file(name))
        }
    }
}
