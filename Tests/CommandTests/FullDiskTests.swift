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

        @Test(
            "convert and score leave nothing on the disk",
            arguments: [
                ["convert", "policy", "disk/models/out"],
                ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "disk/scores.jsonl"],
            ])
        func writers(_ arguments: [String]) throws {
            let workspace = try Workspace(pairs: randomPairs(count: 60, vocabulary: 509, lengths: 3...12, seed: 5))
            let disk = try SmallDisk(kilobytes: 8, in: workspace)
            try expectFull(arguments, in: workspace)
            #expect(try disk.content().isEmpty)
        }

        /// The small model has 104,360 parameters: 408 KiB.
        @Test("a run whose export has no room is refused in one line before it begins, and writes nothing", arguments: [nil, 2])
        func noRoomForExport(ranks: Int?) throws {
            let workspace = try Workspace()
            let disk = try SmallDisk(kilobytes: 400, in: workspace)
            try expectFull(["train", "config.yaml", "--set", "run.directory=disk/run"], ranks: ranks, in: workspace)
            #expect(try disk.content().isEmpty)
            // In half the type it fits.
            let halved = try workspace.tandem(
                ["train", "config.yaml", "--set", "run.directory=disk/run", "--set", "export.dtype=bfloat16"], ranks: ranks)
            #expect(halved.exitCode == 0, "\(halved.errorOutput)")
        }

        @Test("--overwrite counts the room that the earlier run's files will leave")
        func roomOfEarlierRun() throws {
            let workspace = try Workspace()
            let disk = try SmallDisk(kilobytes: 560, in: workspace)
            for arguments in [[], ["--overwrite"]] {
                let result = try workspace.tandem(["train", "config.yaml", "--set", "run.directory=disk/run"] + arguments)
                #expect(result.exitCode == 0, "\(result.errorOutput)")
            }
            #expect(try disk.content().keys.contains("disk/run/export/model.safetensors"))
        }

        @Test("an export that has no room any more ends the run in one line, its figures and its status are kept", arguments: [nil, 2])
        func export(ranks: Int?) throws {
            let workspace = try Workspace()
            let disk = try SmallDisk(kilobytes: 600, in: workspace)
            // Others take what the export would need; the rows of figures still have room.
            let launcher = ranks.map { "mpirun -n \($0) --oversubscribe --bind-to none " } ?? ""
            let result = try workspace.shell(
                """
                \(launcher)"$TANDEM" train config.yaml --set run.directory=disk/run --set schedule.steps=200 &
                until grep -qs '"step": 3[,}]' disk/run/metrics.jsonl; do sleep 0.01; done
                head -c 100000 /dev/zero > disk/filler
                wait $!
                """)
            #expect(result.exitCode == Exit.inputOutput && result.causeLines.count == 1, "\(result.errorOutput)")
            let line = try #require(result.causeLines.first)
            #expect(line.contains("No space left on device") && line.contains("disk/run/"), "\(line)")
            #expect(line.contains("The run's state could not be saved either"), "\(line)")
            let names = try disk.content().keys.filter { !$0.hasSuffix("filler") }
            #expect(!names.contains { $0.contains("export") || $0.contains("checkpoints") }, "\(names)")
            let status = try workspace.json("disk/run/status.json")
            #expect(status["state"] as? String == "failed" && status["step"] as? Int == 200 && status["exit_code"] as? Int == 74)
        }

        @Test("a checkpoint that only run.checkpoint_minutes asks for does not end a run where it has no room", arguments: [nil, 2])
        func checkpointByClock(ranks: Int?) throws {
            let workspace = try Workspace()
            let disk = try SmallDisk(kilobytes: 600, in: workspace)
            let settings = ["run.directory=disk/run", "run.checkpoint_minutes=1e-9", "schedule.steps=3"]
            let result = try workspace.tandem(["train", "config.yaml"] + settings.flatMap { ["--set", $0] }, ranks: ranks)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(result.output.contains("no checkpoint was saved: disk/run/checkpoints/step-1"), "\(result.output)")
            #expect(try disk.content().keys.contains("disk/run/export/model.safetensors"))
        }

        /// Values and moments of the small model take 1.2 MiB.
        @Test(
            "a checkpoint that has no room ends the run in one line, before any of it is written", arguments: [450, 1000],
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

        /// Disk, folder, lock, configuration, provenance and status: no further file has a place.
        @Test("a disk without a place for the first figures ends the run in one line, and its status says so", arguments: [nil, 2])
        func metrics(ranks: Int?) throws {
            let workspace = try Workspace()
            let disk = try SmallDisk(kilobytes: 2000, files: 6, in: workspace)
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
