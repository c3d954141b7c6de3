import Foundation
import Settings
import Testing

@Suite("~ at the beginning of a path") struct HomeFolderTests {
    private static let environment = ["HOME": "/home/ada/"]

    @Test(
        "~ is HOME, and stands for it at a path's beginning only",
        arguments: [
            ("~", "/home/ada"), ("~/", "/home/ada/"), ("~/runs/dpo", "/home/ada/runs/dpo"), ("runs/~/dpo", "runs/~/dpo"),
            ("./~", "./~"), ("/~/x", "/~/x"), ("runs~", "runs~"), ("", ""),
        ])
    func home(_ path: String, _ expanded: String) throws {
        #expect(try HomeFolder.expand(path, environment: Self.environment) == expanded)
    }

    @Test("~name is that user's home folder, whatever HOME says")
    func other() throws {
        // Every system has it, with uid 0; its home folder is in the list that the shell reads, too.
        let line = try #require(
            try String(contentsOfFile: "/etc/passwd", encoding: .utf8).split(separator: "\n").first { $0.hasPrefix("root:") })
        let root = String(line.split(separator: ":", omittingEmptySubsequences: false)[5])
        #expect(try HomeFolder.expand("~root", environment: Self.environment) == root)
        #expect(try HomeFolder.expand("~root/x", environment: Self.environment) == root + "/x")
    }

    @Test("HOME may be the root; without HOME the system's list counts")
    func unusual() throws {
        #expect(try HomeFolder.expand("~/x", environment: ["HOME": "/"]) == "/x")
        #expect(try HomeFolder.expand("~", environment: ["HOME": "/"]) == "/")
        let listed = String(cString: getpwuid(getuid()).pointee.pw_dir)
        for environment in [[:], ["HOME": ""]] { #expect(try HomeFolder.expand("~/x", environment: environment) == listed + "/x") }
    }

    @Test("a user that is not there is refused by name")
    func unknown() throws {
        let unknown = try #require(throws: HomeFolder.Unknown.self) { try HomeFolder.expand("~no-such-user/x") }
        #expect(unknown.reason.contains("~no-such-user") && unknown.remedy.contains("./~no-such-user"))
    }
}

@Suite("~ in a configuration") struct ConfiguredPathTests {
    private let home: String

    init() throws { home = try #require(HomeFolder.own()) }

    /// Every key that holds a path, in two configurations.
    private static let checkpoints = """
        model: {checkpoint: ~/policy}
        references: {sft: {checkpoint: ~/sft}}
        data: {train: [{path: ~/train.h5, weight: 1}], validation: {first: ~/a.h5, second: "~/b.h5"}}
        objective: {type: preference, reference: sft}
        optimizer: {learning_rate: 5e-7}
        run: {directory: ~/runs/dpo}
        """
    private static let random = """
        model: {config: ~/tiny.json, tokenizer: ~/words}
        data: {train: ~/text.h5, validation: ~/held-out.h5}
        objective: {type: language_modeling}
        optimizer: {learning_rate: 1e-3}
        run: {directory: ~}
        """

    @Test("every path is expanded, and the written configuration has it so")
    func everyKey() throws {
        let first = try RunConfiguration(yaml: Self.checkpoints, file: "run.yaml")
        #expect(first.model == .checkpoint(home + "/policy"))
        #expect(first.references.map(\.checkpoint) == [home + "/sft"])
        #expect(first.data.train == home + "/train.h5")
        #expect(first.data.validation.map(\.path) == [home + "/a.h5", home + "/b.h5"])
        #expect(first.run.directory == home + "/runs/dpo")
        let second = try RunConfiguration(
            yaml: Self.random.replacing("directory: ~", with: "directory: '~/x'"), file: "run.yaml")
        #expect(second.model == .random(.file(home + "/tiny.json"), tokenizer: home + "/words"))
        #expect(second.data.train == home + "/text.h5" && second.data.validation.map(\.path) == [home + "/held-out.h5"])
        for configuration in [first, second] {
            #expect(!configuration.resolvedYAML().contains("~"))
            #expect(try RunConfiguration(yaml: configuration.resolvedYAML(), file: "run.yaml") == configuration)
        }
    }

    @Test(
        "--set expands the same paths",
        arguments: [
            "run.directory=~/x", "model.checkpoint=~/x", "references.sft.checkpoint=~/x", "data.train=~/x", "data.validation=~/x",
            "data.validation.first='~/x'", "model={initialize_from: {checkpoint: ~/x, layers: [0]}}",
        ])
    func override(_ override: String) throws {
        let written = try RunConfiguration(yaml: Self.checkpoints, file: "run.yaml", overrides: [override]).resolvedYAML()
        #expect(written.contains(home + "/x") && !written.contains("~"))
    }

    @Test("~ alone is YAML's null: the directory is missing")
    func null() throws {
        #expect(refusal(Self.random)?.place == "run.yaml: run.directory")
    }

    @Test("a user that is not there is refused with the key, in one line")
    func unknown() throws {
        let failure = try #require(refusal(overrides: ["run.directory=~no-such-user/runs"]))
        #expect(failure.exitCode == .configuration && failure.place == "--set run.directory")
        #expect(failure.reason.contains("~no-such-user"))
    }
}
