import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("A full disk", .enabled(if: SmallDisk.canBeMounted, "mounting a small disk takes root"))
    struct FullDiskTests {
        /// Runs the command and expects it to say, once, that the disk is full.
        private func expectFull(_ arguments: [String], ranks: Int? = nil, in workspace: Workspace) throws {
            let result = try workspace.tandem(arguments, ranks: ranks)
            #expect(result.exitCode == Exit.inputOutput, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1, "\(result.errorOutput)")
            #expect(result.causeLines.first?.contains("No space left on device") == true, "\(result.errorOutput)")
            #expect(result.causeLines.first?.contains("disk/") == true, "\(result.errorOutput)")
            if ranks == nil { #expect(result.errorOutput == result.causeLines.joined() + "\n") }
            #expect(workspace.remainingProcesses().isEmpty)
        }

        /// Small disks fill up in the tokens of a dataset, larger ones in its offsets.
        @Test("prepare leaves an earlier dataset on the disk as it was, and nothing beside it", arguments: [4, 20, 48, 72])
        func prepare(kilobytes: Int) throws {
            let workspace = try Workspace(pairs: randomPairs(count: 400, vocabulary: 509, lengths: 3...12, seed: 5))
            let disk = try SmallDisk(kilobytes: kilobytes, in: workspace)
            try workspace.folder.write("earlier", to: "disk/pairs.h5")
            // No dataset fits, so the earlier file is none, which --overwrite lets be replaced.
            try expectFull(["prepare", "--input", "pairs.jsonl", "--output", "disk/pairs.h5", "--overwrite"], in: workspace)
            #expect(try disk.content() == ["disk/pairs.h5": Data("earlier".utf8)])
            try expectFull(
                ["prepare", "--input", "pairs.jsonl", "--output", "disk/new.h5", "--validation", "0.5"], in: workspace)
            #expect(try disk.content() == ["disk/pairs.h5": Data("earlier".utf8)])
        }

        @Test("convert and score leave nothing on the disk", arguments: [
            ["convert", "policy", "disk/models/out"],
            ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "disk/scores.jsonl"],
        ])
        func writers(_ arguments: [String]) throws {
            let workspace = try Workspace(pairs: randomPairs(count: 60, vocabulary: 509, lengths: 3...12, seed: 5))
            let disk = try SmallDisk(kilobytes: 8, in: workspace)
            try expectFull(arguments, in: workspace)
            #expect(try disk.content().isEmpty)
        }

        @Test("an export that does not fit ends the run in one line, its figures and its status are kept", arguments: [nil, 2])
        func export(ranks: Int?) throws {
            let workspace = try Workspace()
            let disk = try SmallDisk(kilobytes: 100, in: workspace)
            try expectFull(["train", "config.yaml", "--set", "run.directory=disk/run"], ranks: ranks, in: workspace)
            try checkRun(disk, step: 2)
        }

        /// Values and moments of the small model take more than half a MB.
        @Test(
            "a checkpoint that has no room ends the run in one line, before any of it is written", arguments: [100, 500],
            [nil, 2])
        func checkpoint(kilobytes: Int, ranks: Int?) throws {
            let workspace = try Workspace()
            let disk = try SmallDisk(kilobytes: kilobytes, in: workspace)
            try expectFull(
                ["train", "config.yaml", "--set", "run.directory=disk/run", "--set", "run.checkpoint_every=1"], ranks: ranks,
                in: workspace)
            try checkRun(disk, step: 1, also: ["disk/run/checkpoints/"])
        }

        private func checkRun(_ disk: SmallDisk, step: Int, also folders: [String] = []) throws {
            let files = ["config.yaml", "lock", "metrics.jsonl", "provenance.json", "status.json"].map { "disk/run/" + $0 }
            #expect(try disk.content().keys.sorted() == (["disk/run/"] + files + folders).sorted())
            let status = try disk.workspace.json("disk/run/status.json")
            #expect(status["state"] as? String == "failed" && status["step"] as? Int == step)
            #expect((status["reason"] as? String)?.contains("No space left on device") == true)
            #expect(try disk.workspace.metrics("disk/run").filter { $0["eval"] == nil }.count == step)
        }

        /// Lock, configuration, provenance and status fill it: no row of figures fits, and no further file.
        @Test("a disk without room for the first figures ends the run in one line, and its status says so", arguments: [nil, 2])
        func metrics(ranks: Int?) throws {
            let workspace = try Workspace()
            let disk = try SmallDisk(kilobytes: 16, in: workspace)
            try expectFull(["train", "config.yaml", "--set", "run.directory=disk/run"], ranks: ranks, in: workspace)
            let status = try disk.workspace.json("disk/run/status.json")
            #expect(status["state"] as? String == "failed" && status["step"] as? Int == 0)
            #expect((status["reason"] as? String)?.contains("disk/run/metrics.jsonl") == true)
        }

        @Test("a run that can't even be begun is told in one line", arguments: [nil, 2])
        func start(ranks: Int?) throws {
            let workspace = try Workspace()
            let disk = try SmallDisk(kilobytes: 4, in: workspace)
            try expectFull(["train", "config.yaml", "--set", "run.directory=disk/run"], ranks: ranks, in: workspace)
            #expect(try disk.content().keys.allSatisfy { !$0.contains("export") && !$0.contains("metrics") })
        }
    }
}
