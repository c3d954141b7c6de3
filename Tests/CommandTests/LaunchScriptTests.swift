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

        @Test(
            "a mistake is one line",
            arguments: [
                (["--ranks", "two", "train", "run.yaml"], "--ranks two is not a number"), (["--ranks"], "--ranks needs a value"),
                (["--ranks", "-1", "train"], "--ranks -1 is not a number"), (["--threads", "0", "train"], "--threads 0 is not a number"),
                (["--ranks", "99999999999999999999", "train"], "--ranks 99999999999999999999 is not a number from 1 to 999999"),
                (["--restarts=1.5", "train"], "--restarts 1.5 is not a number"), (["--ranks", "", "train"], "--ranks needs a value"),
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
                [
                    "sh", "-c",
                    """
                    "$0" --ranks 2 --threads 1 train config.yaml --set schedule.steps=1000000 &
                    until grep -q '"step": 3' run/metrics.jsonl 2> /dev/null; do sleep 0.05; done
                    kill -\(signal) $!
                    wait $!
                    """, Self.script,
                ], folder: workspace.folder.path, timeLimit: 60,
                environment: ["TANDEM": programFolder + "/tandem"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try workspace.json("run/status.json")["state"] as? String == "preempted")
            #expect(workspace.exists("run/checkpoints"))
            #expect(try workspace.json("run/status.json")["reason"] as? String == "SIGUSR1")
            let words = "launch/local --ranks 2 --threads 1 train config.yaml --set schedule.steps=1000000 --resume\n"
            #expect(result.output.hasSuffix(words), "\(result.output)")
            #expect(workspace.remainingProcesses().isEmpty)
        }

        /// Starts a long training by the script, waits for its third step, and does what `fault` says to `$SCRIPT`, the script's process,
        /// and to `rank N`, a rank's. The milliseconds to the end of all ranks are in the file `milliseconds`.
        private func train(_ options: String, fault: String, in workspace: Workspace) throws -> ProcessResult {
            try workspace.shell(
                """
                printf '#!/bin/sh\\n[ -z "$OMPI_COMM_WORLD_RANK" ] || echo $$ > rank-$OMPI_COMM_WORLD_RANK\\nexec "$REAL" "$@"\\n' > program
                chmod +x program
                export REAL="$TANDEM" TANDEM="$PWD/program"
                rank() { cat rank-$1; }
                \(Self.script) \(options) --threads 1 train config.yaml --set schedule.steps=1000000 --set run.checkpoint_every=2 &
                SCRIPT=$!
                until grep -qs '"step": 3' run/metrics.jsonl && ls run/checkpoints/*/manifest.json || ! kill -0 $SCRIPT; do sleep 0.05; done > there 2>&1
                START=$(date +%s%N)
                \(fault)
                wait $SCRIPT
                CODE=$?
                for file in rank-*; do while readlink /proc/$(cat $file)/exe; do sleep 0.05; done; done > there
                echo $((($(date +%s%N) - START) / 1000000)) > milliseconds
                exit $CODE
                """)
        }

        private func milliseconds(_ workspace: Workspace) throws -> Int {
            try #require(Int(workspace.text("milliseconds").trimmingCharacters(in: .whitespacesAndNewlines)))
        }

        @Test("the only rank of a host is killed: the script names it, its host and the signal, and its run's status says so with time and exit code")
        func onlyRankKilled() throws {
            let workspace = try Workspace()
            // More threads than cores: mpirun starts it on a machine of one core too.
            let result = try train("--ranks 1 --threads 1000", fault: "kill -KILL $(rank 0)", in: workspace)
            #expect(result.exitCode == Exit.tryAgain && result.causeLines.isEmpty, "\(result.errorOutput)")
            let told = try #require(
                result.errorOutput.firstMatch(of: /\nlaunch\/local: (rank 0 \(.+\) was killed by SIGKILL)\. It goes on with --resume\.\n$/))
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed" && status["reason"] as? String == String(told.1))
            #expect(status["exit_code"] as? Int == 75 && (status["step"] as? Int ?? 0) >= 2)
            #expect(try #require(status["time"] as? String).wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)
            #expect((status["host"] as? String)?.isEmpty == false)
        }

        @Test("ranks end within seconds where the script is killed, and the run's status says why")
        func scriptKilled() throws {
            let workspace = try Workspace()
            let result = try train("--ranks 2", fault: "kill -KILL $SCRIPT", in: workspace)
            #expect(result.exitCode == 137, "\(result.errorOutput)")
            #expect(try milliseconds(workspace) < 10_000)
            #expect(workspace.remainingProcesses().isEmpty)
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed")
            #expect((status["reason"] as? String)?.isEmpty == false, "\(status)")
        }

        @Test("an mpirun that is killed is named by the script: its ranks have nobody to tell it to")
        func launcherKilled() throws {
            let workspace = try Workspace()
            let result = try train("--ranks 2", fault: "kill -KILL $(cut -d ' ' -f 4 /proc/$(rank 0)/stat)", in: workspace)
            #expect(result.exitCode == Exit.tryAgain, "\(result.errorOutput)")
            #expect(result.errorOutput.contains("launch/local: mpirun was killed by SIGKILL."), "\(result.errorOutput)")
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed" && (status["reason"] as? String)?.hasPrefix("launcher (process ") == true, "\(status)")
        }

        @Test("where MPI can't start, its own words are shown")
        func mpiCannotStart() throws {
            let workspace = try Workspace()
            let result = try workspace.shell("OMPI_MCA_btl=nothing \(Self.script) --ranks 2 --threads 1 train config.yaml")
            #expect(result.exitCode != 0 && result.errorOutput.contains("Component: nothing"), "\(result.errorOutput)")
        }

        @Test("started by a command of a job the script starts a job of its own, and refuses to start one for each rank")
        func insideJob() throws {
            let workspace = try Workspace()
            let one = try workspace.shell("exec \(Self.script) --ranks 2 --threads 1 evaluate config.yaml", ranks: 1)
            #expect(one.exitCode == 0 && one.output.contains("eval_loss"), "\(one.errorOutput)")
            let two = try workspace.shell("exec \(Self.script) --ranks 2 --threads 1 evaluate config.yaml", ranks: 2)
            #expect(two.exitCode == Exit.usage && two.errorOutput.contains("launch/local: is one of 2 tasks"), "\(two.errorOutput)")
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
