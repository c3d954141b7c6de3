import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("The run's directory") struct RunDirectoryTests {
        private static let overwriting = ["train", "config.yaml", "--overwrite", "--set", "schedule.steps=3"]

        @Test("a directory that holds a run is refused, and the old run stays byte for byte")
        func refused() throws {
            let workspace = try Workspace()
            #expect(try workspace.tandem(["train", "config.yaml"]).exitCode == 0)
            let refusal = Refusal(
                "a second run", exit: Exit.configuration, says: ["run.directory = run", "already holds a run", "--overwrite"])
            try refusal.check(in: workspace)
        }

        @Test("--overwrite replaces the run and spares everything else in its directory", arguments: [nil, 2])
        func overwritten(ranks: Int?) throws {
            let workspace = try Workspace()
            #expect(try workspace.tandem(["train", "config.yaml", "--set", "export.every=1"], ranks: ranks).exitCode == 0)
            #expect(workspace.exists("run/export-step-1"))
            try workspace.folder.write("mine", to: "run/notes.txt")
            try workspace.makeFolder("run/figures")
            try workspace.folder.write("mine too", to: "run/figures/loss.svg")
            let result = try workspace.tandem(Self.overwriting, ranks: ranks)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try workspace.metrics().filter { $0["eval"] == nil }.count == 3)
            #expect(try workspace.json("run/status.json")["step"] as? Int == 3)
            #expect(!workspace.exists("run/export-step-1"), "the old run's export is gone")
            #expect(try workspace.text("run/notes.txt") == "mine")
            #expect(try workspace.text("run/figures/loss.svg") == "mine too")
        }

        @Test("--overwrite of a run that fails before it begins leaves the old run as it was")
        func failedOverwrite() throws {
            let workspace = try Workspace()
            #expect(try workspace.tandem(["train", "config.yaml"]).exitCode == 0)
            let refusal = Refusal(
                "truncated weights", exit: Exit.damagedData, says: ["policy/model.safetensors"], arguments: Self.overwriting
            ) { try $0.write($0.bytes("policy/model.safetensors").dropLast(8), to: "policy/model.safetensors") }
            try refusal.check(in: workspace)
        }

        @Test("--overwrite never removes what the new run reads", arguments: ["model.checkpoint", "references.sft.checkpoint"])
        func ownInput(_ key: String) throws {
            let workspace = try Workspace()
            #expect(try workspace.tandem(["train", "config.yaml"]).exitCode == 0)
            let refusal = Refusal(
                "a run on its own export", exit: Exit.configuration, says: ["run.directory = run", "run/export", "another directory"],
                arguments: Self.overwriting + ["--set", "\(key)=run/export"])
            try refusal.check(in: workspace)
        }

        @Test("two runs in one directory: the second ends at once and names the first; a dead run's lock is no obstacle", arguments: [nil, 2])
        func locked(ranks: Int?) throws {
            let workspace = try Workspace()
            let first = Process()
            first.executableURL = URL(fileURLWithPath: programFolder + "/tandem")
            first.arguments = ["train", "config.yaml", "--set", "schedule.steps=100000", "--set", "run.checkpoint_every=5"]
            first.currentDirectoryURL = URL(fileURLWithPath: workspace.folder.path)
            first.standardOutput = FileHandle.nullDevice
            try first.run()
            defer { kill(first.processIdentifier, SIGKILL) }
            while !workspace.exists("run/checkpoints/step-5/manifest.json"), first.isRunning { usleep(1000) }
            for arguments in [[], ["--resume"], ["--overwrite"]] {
                let second = try workspace.tandem(["train", "config.yaml"] + arguments, ranks: ranks)
                #expect(second.exitCode == Exit.tryAgain, "\(second.errorOutput)")
                #expect(second.causeLines.count == 1 && second.causeLines[0].contains("process \(first.processIdentifier) on "))
            }
            #expect(first.isRunning && workspace.exists("run/checkpoints"))
            kill(first.processIdentifier, SIGKILL)
            first.waitUntilExit()
            #expect(workspace.exists("run/lock"))
            let allowing = ["--resume", "--set", "run.allow_changes=[schedule.steps]"]
            let next = try workspace.tandem(["train", "config.yaml"] + allowing, ranks: ranks)
            #expect(next.exitCode == 0, "\(next.errorOutput)")
        }

        @Test("a directory that can't be made is told in one line on every layout", arguments: ["blocked", "blocked/run"])
        func blocked(_ directory: String) throws {
            let refusal = Refusal(
                "a file in the way", exit: Exit.inputOutput, says: [directory, "can't be written", "Check"],
                arguments: ["train", "config.yaml", "--set", "run.directory=\(directory)"]
            ) { try $0.folder.write("a file", to: "blocked") }
            try refusal.check(in: Workspace())
        }

        @Test("scores that can't be written are told in one line on every layout")
        func scoresNowhere() throws {
            let refusal = Refusal(
                "no folder", exit: Exit.inputOutput, says: ["nowhere/scores.jsonl", "folder"],
                arguments: ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "nowhere/scores.jsonl"])
            try refusal.check(in: Workspace())
        }

        /// A limit on the size of files, in blocks of 512 bytes, stands for a full disk: writing beyond it fails.
        private func runLimited(_ blocks: Int, _ command: String, in workspace: Workspace) throws {
            let result = try workspace.shell("ulimit -f \(blocks); exec \"$TANDEM\" \(command)")
            #expect(result.exitCode == Exit.inputOutput, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.errorOutput == result.causeLines.joined() + "\n")
            #expect(result.causeLines.first?.contains("File too large") == true, "\(result.errorOutput)")
        }

        @Test("a disk that fills up at the export ends the run in one line, without half an export")
        func fullAtExport() throws {
            let workspace = try Workspace()
            try runLimited(200, "train config.yaml", in: workspace)
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed" && status["step"] as? Int == 2)
            let names = try FileManager.default.contentsOfDirectory(atPath: workspace.file("run")).sorted()
            #expect(names == ["config.yaml", "lock", "metrics.jsonl", "provenance.json", "status.json"])
        }

        @Test("a disk that fills up while a checkpoint is written ends the run in one line, without half a checkpoint", arguments: [2, 200])
        func fullAtCheckpoint(steps: Int) throws {
            let workspace = try Workspace()
            // Steps may go on while it is found out.
            try runLimited(200, "train config.yaml --set run.checkpoint_every=1 --set schedule.steps=\(steps)", in: workspace)
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed" && status["reason"] as? String != nil)
            let checkpoints = try? FileManager.default.contentsOfDirectory(atPath: workspace.file("run/checkpoints"))
            #expect(checkpoints?.isEmpty != false)
        }

        @Test(
            "a disk that fills up while preparing or scoring leaves no file",
            arguments: [
                "prepare --input pairs.jsonl --output new.h5",
                "score --checkpoint policy --data pairs.h5 --output scores.jsonl",
            ])
        func fullWhileWriting(_ command: String) throws {
            let workspace = try Workspace(pairs: randomPairs(count: 60, vocabulary: 509, lengths: 3...12, seed: 5))
            let before = try workspace.snapshot()
            try runLimited(16, command, in: workspace)
            #expect(try workspace.snapshot() == before)
        }

        @Test(
            "figures that can't be printed are an error, not a crash",
            arguments: [
                "inspect pairs.h5", "evaluate config.yaml", "train config.yaml",
            ])
        func fullStandardOutput(_ command: String) throws {
            let workspace = try Workspace()
            let result = try workspace.shell("exec \"$TANDEM\" \(command) > /dev/full")
            #expect(result.exitCode == Exit.inputOutput)
            #expect(result.causeLines.count == 1 && result.errorOutput == result.causeLines.joined() + "\n")
            #expect(result.causeLines.first?.contains("standard output") == true, "\(result.errorOutput)")
        }
    }
}
