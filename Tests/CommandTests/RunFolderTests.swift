import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Which folder a run takes") struct RunFolderTests {
        private static func train(in directory: String, _ more: String...) -> [String] {
            ["train", "config.yaml", "--set", "run.directory=\(directory)"] + more
        }

        static let folders: [Refusal] = [
            Refusal(
                "a model's folder", exit: Exit.configuration, says: ["run.directory = policy", "holds config.json but no run"],
                arguments: train(in: "policy")),
            Refusal(
                "the same, to be overwritten", exit: Exit.configuration, says: ["run.directory = reference", "config.json"],
                arguments: train(in: "reference", "--overwrite")),
            Refusal(
                "a dataset's folder", exit: Exit.configuration, says: ["run.directory = data", "holds train.h5 but no run"],
                arguments: train(in: "data", "--resume")
            ) {
                try $0.makeFolder("data")
                try $0.copy("pairs.h5", to: "data/train.h5")
            },
            Refusal(
                "the folder in which it all lies", exit: Exit.configuration, says: ["run.directory = .", "pairs.h5", "such as run."],
                arguments: train(in: ".", "--overwrite")),
            Refusal(
                "a run's checkpoints", exit: Exit.configuration, says: ["run.directory = run/checkpoints", "holds step-2 but no run"],
                arguments: train(in: "run/checkpoints")
            ) { _ = try $0.tandem(["train", "config.yaml", "--set", "run.checkpoint_every=2"]) },
            Refusal(
                "a folder that nothing can be made in", exit: Exit.inputOutput, says: ["blocked/run", "can't be written"],
                arguments: train(in: "blocked/run")
            ) { try $0.folder.write("a file", to: "blocked") },
            Refusal(
                "a person's own configuration under the run's name", exit: Exit.configuration,
                says: ["run.directory = run", "holds config.yaml, which no run wrote"],
                arguments: ["train", "run/config.yaml", "--resume"]
            ) {
                try $0.makeFolder("run")
                try $0.copy("config.yaml", to: "run/config.yaml")
            },
            Refusal(
                "a person's folder of an export's name", exit: Exit.configuration, says: ["run.directory = run", "holds export, which"],
                arguments: ["train", "config.yaml", "--resume"]
            ) {
                try $0.makeFolder("run/export")
                try $0.folder.write("{\"theme\": \"dark\"}", to: "run/export/config.json")
            },
            Refusal(
                "the same, to be overwritten", exit: Exit.configuration, says: ["run.directory = run", "run/config.yaml, which it reads"],
                arguments: ["train", "run/config.yaml", "--overwrite"]
            ) {
                try $0.makeFolder("run")
                try $0.copy("config.yaml", to: "run/config.yaml")
            },
        ]

        @Test("a folder that is no run's is refused by what it holds, and stays as it is", arguments: folders)
        func folder(_ refusal: Refusal) throws { try refusal.check(in: Workspace(), ranks: [nil]) }

        @Test("two ranks say so once")
        func ranks() throws { try Self.folders[0].check(in: Workspace(), ranks: [2]) }

        @Test("the home folder is no run's and no model's, empty or not, also through a link")
        func home() throws {
            let workspace = try Workspace()
            try workspace.makeFolder("home")
            try workspace.link("link", to: "home")
            for command in ["train config.yaml --set run.directory=", "convert policy --overwrite "] {
                for place in ["home", "link", "'~/'", "home/../home/."] {
                    let result = try workspace.shell("HOME=\"$PWD/home\" exec \"$TANDEM\" \(command)\(place)")
                    #expect(result.exitCode == Exit.configuration && result.causeLines.count == 1, "\(result.errorOutput)")
                    #expect(result.errorOutput.contains("is your home folder"), "\(result.errorOutput)")
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.file("home")).isEmpty)
        }

        @Test("a run whose status is damaged goes on from its checkpoint")
        func damagedStatus() throws {
            let workspace = try Workspace()
            try workspace.train(["run.checkpoint_every=1"])
            try workspace.folder.write("{\"state\": \"fai", to: "run/status.json")
            let result = try workspace.tandem(["train", "config.yaml", "--resume"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try workspace.json("run/status.json")["state"] as? String == "finished")
        }

        static let links = ["lock", "status.json", "metrics.jsonl", "config.yaml", "provenance.json", "checkpoints", "export", "dumps"]

        @Test("a link in the run's folder is not followed, wherever it leads", arguments: links)
        func link(_ name: String) throws {
            let workspace = try Workspace()
            try workspace.makeFolder("run")
            try workspace.makeFolder("elsewhere")
            try workspace.folder.write("{\"step\": 1}\n", to: "precious")
            let isFolder = ["checkpoints", "export", "dumps"].contains(name)
            try workspace.link("run/" + name, to: isFolder ? "../elsewhere" : "../precious")
            for how in name == "metrics.jsonl" || name == "lock" ? ["--overwrite", "--resume"] : ["--resume"] {
                try Refusal(
                    name, exit: Exit.configuration, says: ["run/\(name): is a symbolic link", "Remove"],
                    arguments: ["train", "config.yaml", how]
                ).check(in: workspace, ranks: [nil])
            }
        }

        @Test("a lock that is someone's file is not written into, by a hard link neither", arguments: [false, true])
        func lock(_ isLinked: Bool) throws {
            let workspace = try Workspace()
            try workspace.makeFolder("run")
            try workspace.folder.write("the combination is 1-2-3\n", to: isLinked ? "precious" : "run/lock")
            if isLinked { try FileManager.default.linkItem(atPath: workspace.file("precious"), toPath: workspace.file("run/lock")) }
            try Refusal(
                "a foreign lock", exit: Exit.configuration, says: ["run/lock: is not a run's lock"],
                arguments: ["train", "config.yaml", "--overwrite"]
            ).check(in: workspace, ranks: [nil])
        }

        @Test("notes, logs, scripts and configurations may lie there before the run begins")
        func notes() throws {
            let workspace = try Workspace()
            try workspace.makeFolder("run")
            let files = ["README.md", "slurm-12.out", "job.sbatch", "mine.yaml", ".gitignore", "train.log"]
            for name in files { try workspace.folder.write("mine", to: "run/" + name) }
            #expect(try workspace.tandem(["train", "config.yaml"]).exitCode == 0)
            #expect(try workspace.tandem(["train", "config.yaml", "--overwrite"]).exitCode == 0)
            for name in files { #expect(try workspace.text("run/" + name) == "mine") }
        }

        @Test("a run goes on, and begins again, from the config.yaml that it wrote itself")
        func ownConfiguration() throws {
            let workspace = try Workspace()
            try workspace.train(["run.checkpoint_every=1"])
            let weights = try workspace.bytes("run/export/model.safetensors")
            for how in ["--resume", "--overwrite"] {
                let result = try workspace.tandem(["train", "run/config.yaml", how])
                #expect(result.exitCode == 0, "\(result.errorOutput)")
                #expect(try workspace.bytes("run/export/model.safetensors") == weights)
            }
        }

        @Test("--overwrite leaves what people put among a run's own files, and exports and checkpoints of later steps do too")
        func amongOwn() throws {
            let workspace = try Workspace()
            let keeping = ["run.checkpoint_every=1", "run.keep_last=1", "export.every=1", "schedule.steps=3"]
            try workspace.train(keeping)
            let places = [
                "run/export/README.md", "run/export-step-1/card.md", "run/checkpoints/notes.txt", "run/checkpoints/step-3/why.txt",
                "run/dumps/mine.txt",
            ]
            try workspace.makeFolder("run/dumps")
            for place in places { try workspace.folder.write("mine", to: place) }
            let again = try workspace.tandem(["train", "config.yaml", "--overwrite"] + keeping.flatMap { ["--set", $0] })
            #expect(again.exitCode == 0, "\(again.errorOutput)")
            for place in places { #expect(try workspace.text(place) == "mine", "\(place)") }
            #expect(try workspace.tandem(["inspect", "run/export", "--verify"]).exitCode == 0)
            #expect(try workspace.tandem(["inspect", "run", "--verify"]).exitCode == 0)
            // A checkpoint with a note is kept when newer ones come.
            let more = try workspace.tandem(
                ["train", "config.yaml", "--resume", "--set", "run.allow_changes=[schedule]"]
                    + (keeping.dropLast() + ["schedule.steps=5"]).flatMap { ["--set", $0] })
            #expect(more.exitCode == 0, "\(more.errorOutput)")
            #expect(try workspace.text("run/checkpoints/step-3/why.txt") == "mine")
            let steps = try FileManager.default.contentsOfDirectory(atPath: workspace.file("run/checkpoints")).sorted()
            #expect(steps == ["notes.txt", "step-3", "step-5"])
        }

        @Test("a copy of a run by hard links goes on without changing the first run's metrics")
        func hardLinks() throws {
            let workspace = try Workspace()
            try workspace.train(["run.checkpoint_every=1"])
            #expect(try workspace.shell("cp -al run copy").exitCode == 0)
            let before = try workspace.snapshot(below: "run").filter { $0.key != "run/lock" }
            let result = try workspace.tandem(
                ["train", "config.yaml", "--resume=1", "--set", "run.directory=copy", "--set", "run.checkpoint_every=1"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let after = try workspace.snapshot(below: "run").filter { $0.key != "run/lock" }
            #expect(before.keys.filter { before[$0] != after[$0] }.sorted() == [] && before.count == after.count)
        }
    }
}
