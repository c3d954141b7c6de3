import Foundation
import TestSupport
import Testing

extension Workspace {
    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: file(name), withDestinationPath: target)
    }
}

extension CommandTests {
    @Suite("Files that are not ours") struct ForeignFileTests {
        // MARK: convert

        static let destinations: [Refusal] = [
            Refusal(
                "a model's folder with a person's notes", exit: Exit.configuration, says: ["reference", "holds notes.txt", "--overwrite"],
                arguments: ["convert", "policy", "reference"]
            ) { try $0.folder.write("mine", to: "reference/notes.txt") },
            Refusal(
                "a folder of work behind a link", exit: Exit.configuration, says: ["link", "holds thesis.tex"],
                arguments: ["convert", "policy", "link"]
            ) {
                try $0.makeFolder("work")
                try $0.folder.write("years", to: "work/thesis.tex")
                try $0.link("link", to: "work")
            },
            Refusal(
                "a folder behind a linked parent", exit: Exit.configuration, says: ["link/work", "holds thesis.tex"],
                arguments: ["convert", "policy", "link/work"]
            ) {
                try $0.makeFolder("parent/work")
                try $0.folder.write("years", to: "parent/work/thesis.tex")
                try $0.link("link", to: "parent")
            },
            Refusal(
                "a run's folder", exit: Exit.configuration, says: ["run", "holds config.yaml"], arguments: ["convert", "policy", "run"]
            ) { _ = try $0.tandem(["train", "config.yaml"]) },
            Refusal(
                "the current folder, whatever is said", exit: Exit.configuration, says: [".", "being read"],
                arguments: ["convert", "policy", ".", "--overwrite"]),
            Refusal(
                "a GGUF file's name", exit: Exit.configuration, says: ["out.gguf", "can't write them", "Name a destination folder"],
                arguments: ["convert", "policy", "out.gguf"]),
            Refusal(
                "the same, written otherwise", exit: Exit.configuration, says: ["out.GGUF/", "can't write them"],
                arguments: ["convert", "policy", "out.GGUF/", "--overwrite"]),
            Refusal(
                "a weight file's name", exit: Exit.configuration, says: ["out.safetensors", "written as a folder"],
                arguments: ["convert", "policy", "out.safetensors"]),
            Refusal("an empty path", exit: Exit.usage, says: ["empty"], arguments: ["convert", "policy", ""]),
        ]

        @Test("convert refuses a destination that is not a model's, names why, and changes nothing", arguments: destinations)
        func destination(_ refusal: Refusal) throws { try refusal.check(in: Workspace(), ranks: [nil]) }

        @Test("convert --overwrite writes beside a person's files, through a link too")
        func overwrite() throws {
            let workspace = try Workspace()
            try workspace.makeFolder("work/notes")
            try workspace.folder.write("years", to: "work/thesis.tex")
            try workspace.folder.write("days", to: "work/notes/today.txt")
            try workspace.folder.write("{}", to: "work/config.json")
            try workspace.link("link", to: "work")
            let result = try workspace.tandem(["convert", "policy", "link", "--overwrite"])
            #expect(result.exitCode == 0 && result.errorOutput.isEmpty, "\(result.errorOutput)")
            #expect(try workspace.bytes("work/model.safetensors") == workspace.bytes("policy/model.safetensors"))
            #expect(try workspace.text("work/thesis.tex") == "years" && workspace.text("work/notes/today.txt") == "days")
            #expect(try workspace.tandem(["inspect", "work", "--verify"]).exitCode == 0)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: workspace.file("link")) == "work")
        }

        // MARK: score

        private static func scoring(_ output: String, _ more: String...) -> [String] {
            ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", output] + more
        }

        static let scores: [Refusal] = [
            Refusal(
                "its own dataset", exit: Exit.usage, says: ["pairs.h5", "one of the inputs", "--output"],
                arguments: scoring("pairs.h5", "--overwrite")),
            Refusal(
                "a weight file of its checkpoint", exit: Exit.usage, says: ["policy/model.safetensors", "one of the inputs"],
                arguments: scoring("policy/model.safetensors", "--overwrite")),
            Refusal(
                "the dataset by a link", exit: Exit.usage, says: ["link.jsonl", "same file as pairs.h5"], arguments: scoring("link.jsonl")
            ) { try $0.link("link.jsonl", to: "pairs.h5") },
            Refusal(
                "a weight file by a hard link", exit: Exit.usage, says: ["hard.jsonl", "same file as policy/model.safetensors"],
                arguments: scoring("hard.jsonl")
            ) { try FileManager.default.linkItem(atPath: $0.file("policy/model.safetensors"), toPath: $0.file("hard.jsonl")) },
            Refusal("a folder", exit: Exit.inputOutput, says: ["policy: is a folder"], arguments: scoring("policy")),
            Refusal("a device", exit: Exit.inputOutput, says: ["/dev/null", "device"], arguments: scoring("/dev/null")),
            Refusal(
                "a folder in which nothing can be made", exit: Exit.inputOutput, says: ["/proc/scores.jsonl", "no file can be made"],
                arguments: scoring("/proc/scores.jsonl")),
            Refusal(
                "a person's file", exit: Exit.configuration, says: ["mine.txt", "holds no scores", "--overwrite"],
                arguments: scoring("mine.txt")
            ) { try $0.folder.write("mine\n", to: "mine.txt") },
        ]

        @Test("score refuses an output that must not be written, before it loads the model", arguments: scores)
        func score(_ refusal: Refusal) throws { try refusal.check(in: Workspace()) }

        @Test("scores replace scores, and with --overwrite another file; a file of a temporary name is nobody's but its owner's")
        func scoresAgain() throws {
            let workspace = try Workspace()
            try workspace.folder.write("mine", to: "scores.jsonl.partial")
            for (output, more) in [("scores.jsonl", []), ("scores.jsonl", []), ("config.yaml", ["--overwrite"])] {
                let result = try workspace.tandem(
                    ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", output] + more)
                #expect(result.exitCode == 0, "\(result.errorOutput)")
            }
            #expect(try workspace.bytes("config.yaml") == workspace.bytes("scores.jsonl"))
            #expect(try workspace.text("scores.jsonl.partial") == "mine")
        }

        // MARK: prepare, plan

        static let others: [Refusal] = [
            Refusal(
                "a dataset over the tokenizer", exit: Exit.usage, says: ["policy/tokenizer.json", "one of the inputs"],
                arguments: ["prepare", "--input", "pairs.jsonl", "--output", "policy/tokenizer.json", "--tokenizer", "policy"]
            ) { try $0.folder.write("{}", to: "policy/tokenizer.json") },
            Refusal(
                "a dataset over a person's file", exit: Exit.configuration, says: ["mine.txt", "holds no dataset", "--overwrite"],
                arguments: ["prepare", "--input", "pairs.jsonl", "--output", "mine.txt"]
            ) { try $0.folder.write("mine", to: "mine.txt") },
            Refusal(
                "a validation file over a person's file", exit: Exit.configuration, says: ["new-validation.h5", "holds no dataset"],
                arguments: ["prepare", "--input", "pairs.jsonl", "--output", "new.h5", "--validation", "0.5"]
            ) { try $0.folder.write("mine", to: "new-validation.h5") },
            Refusal(
                "a dataset over a device", exit: Exit.inputOutput, says: ["/dev/null", "device"],
                arguments: ["prepare", "--input", "pairs.jsonl", "--output", "/dev/null"]),
            Refusal(
                "rates over a person's file", exit: Exit.configuration, says: ["mine.json", "holds no machine's rates", "--overwrite"],
                arguments: ["plan", "--measure", "mine.json", "--quick"]
            ) { try $0.folder.write("{\"mine\": 1}", to: "mine.json") },
            Refusal(
                "rates in the place of a folder", exit: Exit.inputOutput, says: ["policy: is a folder"],
                arguments: ["plan", "--measure", "policy", "--quick"]),
        ]

        @Test("prepare and plan --measure refuse likewise", arguments: others)
        func other(_ refusal: Refusal) throws { try refusal.check(in: Workspace(), ranks: [nil]) }

        @Test("prepare replaces a dataset, and with --overwrite another file; a damaged measurement is made again")
        func replaced() throws {
            let workspace = try Workspace()
            try workspace.folder.write("mine", to: "mine.txt")
            try workspace.folder.write("{\n  \"attention\" : [\n", to: "machine.json")
            for command in [
                ["prepare", "--input", "pairs.jsonl", "--output", "pairs.h5"],
                ["prepare", "--input", "pairs.jsonl", "--output", "mine.txt", "--overwrite"], ["plan", "--measure", "--quick"],
            ] {
                let result = try workspace.tandem(command)
                #expect(result.exitCode == 0, "\(result.errorOutput)")
            }
            #expect(try workspace.bytes("mine.txt") == workspace.bytes("pairs.h5"))
        }

        // MARK: ~

        @Test("~ means HOME in every path, on the command line as in the configuration: a run is in one place")
        func home() throws {
            let workspace = try Workspace()
            try workspace.makeFolder("home")
            for name in ["policy", "reference", "pairs.h5", "pairs.jsonl"] { try workspace.copy(name, to: "home/" + name) }
            try workspace.folder.write(
                Workspace.configuration.replacing("policy", with: "~/policy").replacing("{directory: run", with: "{directory: ~/run"),
                to: "home/config.yaml")
            for name in ["policy", "pairs.jsonl", "config.yaml"] { try workspace.remove(name) }
            func run(_ command: String) throws -> String {
                // What quotes and = keep from the shell.
                let result = try workspace.shell("HOME=\"$PWD/home\" exec \"$TANDEM\" \(command)")
                #expect(result.exitCode == 0, "\(command): \(result.errorOutput)")
                return result.output
            }
            let place = URL(fileURLWithPath: workspace.file("home")).path
            #expect(try run("train '~/config.yaml' --show-directory") == place + "/run\n")
            _ = try run("train '~/config.yaml' --set run.checkpoint_every=2 --set data.train='~/pairs.h5'")
            #expect(try run("train '~/config.yaml' --show-directory --set run.directory='~/other'") == place + "/other\n")
            for name in ["status.json", "metrics.jsonl", "export/config.json", "checkpoints/step-2/manifest.json"] {
                #expect(workspace.exists("home/run/" + name), "\(name)")
            }
            _ = try run("convert '~/run/checkpoints/step-2' '~/made/model'")
            _ = try run("convert '~/run' '~/copied'")
            _ = try run("prepare --input '~/pairs.jsonl' --output='~/again.h5'")
            _ = try run("score --checkpoint='~/made/model' --data='~/again.h5' --output='~/scores.jsonl'")
            _ = try run("evaluate '~/config.yaml' --checkpoint='~/copied'")
            _ = try run("inspect '~/run'")
            for name in ["made/model/config.json", "copied/config.json", "again.h5", "scores.jsonl"] {
                #expect(workspace.exists("home/" + name), "\(name)")
            }
            #expect(!workspace.exists("~") && !workspace.exists("run"))
        }

        @Test(
            "a home folder that nobody has is refused in one line",
            arguments: [
                (["train", "config.yaml", "--set", "run.directory=~no-such-user/run"], Exit.configuration),
                (["convert", "policy", "~no-such-user/out"], Exit.usage),
                (["score", "--checkpoint=~no-such-user", "--data", "pairs.h5", "--output", "a"], Exit.usage),
            ])
        func unknownUser(_ arguments: [String], _ code: Int32) throws {
            try Refusal("no such user", exit: code, says: ["~no-such-user"], arguments: arguments).check(in: Workspace(), ranks: [nil])
        }
    }
}
