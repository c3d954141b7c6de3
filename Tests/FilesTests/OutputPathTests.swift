import Files
import Foundation
import Settings
import TestSupport
import Testing

@Suite("Outputs, before they are written") struct OutputPathTests {
    private let folder = TemporaryFolder()

    /// Own files say "own".
    private func output(_ name: String, option: String = "--output") -> OutputPath {
        OutputPath(folder.file(name), option: option, holding: "scores") { path in
            FileManager.default.contents(atPath: path) == Data("own".utf8)
        }
    }

    private func refusal(
        _ outputs: [OutputPath], against inputs: [String] = [], overwriting: Bool = false
    ) -> Failure? {
        do throws(Failure) { try OutputPath.check(outputs, against: inputs, overwriting: overwriting) } catch { return error }
        return nil
    }

    private func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: folder.file(name), withDestinationPath: target)
    }

    private func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
    }

    @Test("a new file, an empty one, and one that the command wrote are taken, and nothing is left behind")
    func taken() throws {
        try folder.write("", to: "empty")
        try folder.write("own", to: "earlier")
        #expect(refusal([output("new"), output("empty"), output("earlier")]) == nil)
        #expect(names(in: folder.path) == ["earlier", "empty"])
    }

    @Test("an output that is an input is refused, by whatever name", arguments: ["data", "x/../data", "link", "hard"])
    func input(_ name: String) throws {
        try makeFolder("x")
        let data = try folder.write("own", to: "data")
        try link("link", to: data)
        try FileManager.default.linkItem(atPath: data, toPath: folder.file("hard"))
        for overwriting in [false, true] {
            let failure = try #require(refusal([output(name)], against: [data], overwriting: overwriting))
            #expect(failure.exitCode == .usage && failure.place == folder.file(name))
            #expect(failure.remedy.contains("--output"))
        }
    }

    @Test("a file of a folder that is read is an input, also through links to the folder and in it")
    func inputFolder() throws {
        try makeFolder("model")
        let weights = try folder.write("own", to: "model/model.safetensors")
        try link("linked", to: folder.file("model"))
        try makeFolder("cache")
        try link("cache/model.safetensors", to: weights)
        for input in ["model", "linked", "cache"] {
            let failure = try #require(refusal([output("model/model.safetensors")], against: [folder.file(input)]))
            #expect(failure.exitCode == .usage && failure.reason.contains("inputs"))
        }
        #expect(refusal([output("model/scores")], against: [folder.file("model")]) == nil)
    }

    @Test("two outputs that are one file are refused, there or not yet")
    func twice() throws {
        try folder.write("own", to: "there")
        try link("linked", to: folder.file("there"))
        try makeFolder("x")
        for (first, second) in [("there", "linked"), ("new", "x/../new"), ("new", "new")] {
            let failure = try #require(refusal([output(first, option: "--csv"), output(second, option: "--json")]))
            #expect(failure.exitCode == .usage && failure.reason.contains("--csv") && failure.remedy.contains("--json"))
        }
        #expect(refusal([output("new"), output("x/new")]) == nil)
    }

    @Test("a folder, a missing folder, a file as a folder and a pipe are refused")
    func noFile() throws {
        try makeFolder("inner")
        try folder.write("own", to: "file")
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        for (name, words) in [
            ("inner", "is a folder"), ("absent/new", "does not exist"), ("file/new", "is a file"), ("file/", "is a file"),
            ("pipe", "pipe"),
        ] {
            for overwriting in [false, true] {
                let failure = try #require(refusal([output(name)], overwriting: overwriting), "\(name)")
                #expect(failure.exitCode == .inputOutput && failure.reason.contains(words), "\(failure)")
            }
        }
        let device = OutputPath("/dev/null", option: "--output", holding: "scores") { _ in true }
        #expect(refusal([device])?.exitCode == .inputOutput)
        let nameless = OutputPath("", option: "--output", holding: "scores") { _ in true }
        #expect(refusal([nameless])?.exitCode == .usage)
    }

    /// Whoever asks: root may write anywhere but there.
    @Test("a folder in which no file can be made is refused with the system's word")
    func unwritable() throws {
        let output = OutputPath("/proc/tandem.jsonl", option: "--output", holding: "scores") { _ in true }
        let failure = try #require(refusal([output]))
        #expect(failure.exitCode == .inputOutput && failure.reason.contains("no file can be made in its folder /proc ("))
    }

    @Test("a file that the command did not write is refused, and with --overwrite taken")
    func foreign() throws {
        try folder.write("years of work", to: "thesis")
        try link("link", to: folder.file("thesis"))
        for name in ["thesis", "link"] {
            let failure = try #require(refusal([output(name)]))
            #expect(failure.exitCode == .configuration && failure.reason.contains("holds no scores"))
            #expect(failure.remedy.contains("--overwrite"))
            #expect(self.refusal([output(name)], overwriting: true) == nil)
        }
    }

    @Test("a file is written whole over an earlier one, and a link is replaced, not followed")
    func writing() throws {
        try folder.write("mine", to: "target")
        try link("link", to: folder.file("target"))
        try TemporaryFile.write(Data("first".utf8), to: folder.file("link"))
        try TemporaryFile.write(Data(), to: folder.file("empty"))
        #expect(try String(contentsOfFile: folder.file("target"), encoding: .utf8) == "mine")
        #expect(try String(contentsOfFile: folder.file("link"), encoding: .utf8) == "first")
        #expect(FileStatus(unfollowed: folder.file("link"))?.isRegular == true)
        #expect(names(in: folder.path) == ["empty", "link", "target"])
    }
}
