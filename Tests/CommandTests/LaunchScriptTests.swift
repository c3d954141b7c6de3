import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("launch/local") struct LaunchScriptTests {
        private static let script = launchFolder + "/local"

        private func local(_ arguments: [String], in folder: String? = nil) throws -> ProcessResult {
            try runCommand([Self.script] + arguments, folder: folder, environment: ["TANDEM": programFolder + "/tandem"])
        }

        @Test("ranks and threads that are given go to mpirun and to the program, before what the person wrote")
        func given() throws {
            let result = try local(["--ranks", "1", "--threads", "1", "--dry-run", "train", "run.yaml", "--set", "run.threads=3"])
            #expect(result.exitCode == 0 && result.errorOutput.contains("launch/local: 1 rank × 1 thread on "))
            #expect(result.output.contains("tandem train --set run.threads=1 run.yaml --set run.threads=3"))
        }

        @Test("what is left out fills the cores", arguments: [["--ranks", "1"], ["--threads", "1"], []])
        func defaults(_ options: [String]) throws {
            let result = try local(options + ["--dry-run", "score", "--data", "a.h5"])
            let words = try #require(
                result.errorOutput.firstMatch(of: /launch\/local: (\d+) ranks? × (\d+) threads? on (\d+) cores?\n/), "\(result.errorOutput)")
            let (ranks, threads, cores) = (Int(words.1)!, Int(words.2)!, Int(words.3)!)
            #expect(ranks * threads <= cores && ranks * (threads + 1) > cores)
            #expect(result.output.contains("score --threads \(threads) --data a.h5"))
        }

        @Test("more threads than cores are started all the same, with a note")
        func tooMany() throws {
            let result = try local(["--ranks", "2", "--threads", "1000", "--dry-run", "train", "run.yaml"])
            #expect(result.exitCode == 0 && result.output.contains("--oversubscribe --bind-to none"))
            #expect(result.errorOutput.contains("note: 2000 threads take turns on "))
        }

        @Test("a mistake is one line", arguments: [
            (["--ranks", "two", "train", "run.yaml"], "--ranks two is not a number"), (["--ranks"], "--ranks needs a value"),
            (["--rank", "2", "train"], "there is no option --rank"), ([], "no command is given"),
        ])
        func mistakes(_ arguments: [String], words: String) throws {
            let result = try local(arguments)
            #expect(result.exitCode == Exit.usage && result.output.isEmpty)
            #expect(result.errorOutput.hasPrefix("launch/local: " + words), "\(result.errorOutput)")
            #expect(result.errorOutput.split(separator: "\n").count == 1)
        }

        @Test("a run of two ranks trains, and is saved when it is asked to stop", arguments: ["TERM", "USR1"])
        func stopped(signal: String) throws {
            let workspace = try Workspace()
            let result = try runCommand(
                ["sh", "-c", """
                    "$0" --ranks 2 --threads 1 train config.yaml --set schedule.steps=1000000 &
                    until grep -q '"step": 3' run/metrics.jsonl 2> /dev/null; do sleep 0.05; done
                    kill -\(signal) $!
                    wait $!
                    """, Self.script], folder: workspace.folder.path, timeLimit: 60,
                environment: ["TANDEM": programFolder + "/tandem"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try workspace.json("run/status.json")["state"] as? String == "preempted")
            #expect(workspace.exists("run/checkpoints"))
            #expect(try workspace.json("run/status.json")["reason"] as? String == "SIGUSR1")
            let words = "launch/local --ranks 2 --threads 1 train config.yaml --set schedule.steps=1000000 --resume\n"
            #expect(result.output.hasSuffix(words), "\(result.output)")
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test("commands of one process are run as they are, with their exit codes")
        func onePiece() throws {
            let folder = TemporaryFolder()
            let result = try local(["inspect", "nothing"], in: folder.path)
            #expect(result.exitCode == Exit.missingInput)
            #expect(result.errorOutput.hasPrefix("tandem: nothing: ") && result.errorOutput.split(separator: "\n").count == 1)
        }
    }
}
