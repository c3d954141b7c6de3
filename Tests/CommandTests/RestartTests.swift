import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// Scripts start a program that ends as a test wants it to: `tandem` itself can't be made to crash at will.
    @Suite("Restarts") struct RestartTests {
        /// Writes its words to `calls`, and does what the line of `plan` says whose number is that of the call. What a script asks it
        /// to write down of a job's end is in `marked`.
        private static let program = """
            #!/usr/bin/env bash
            case " $* " in *" --show-directory "*) echo run; exit 0 ;; esac
            case " $* " in *" --mark-failed "*) echo "${*: -3:1}, ${*: -1}" >> marked; exit 0 ;; esac
            echo "$*" >> calls
            save() { mkdir -p run/checkpoints/step-$1; echo "$1" > run/checkpoints/step-$1/manifest.json; }
            begin() { mkdir -p run; echo $RANDOM > run/status.new; mv run/status.new run/status.json; }
            eval "$(sed -n "$(wc -l < calls)p" plan)"

            """

        private static func folder(_ plan: [String]) throws -> TemporaryFolder {
            let folder = TemporaryFolder()
            try folder.write(program, to: "program")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file("program"))
            try folder.write(plan.joined(separator: "\n") + "\n", to: "plan")
            // The launcher: what comes behind `-n 1` and the placing is the program's, which finds the file of its words at 9.
            try folder.write(
                """
                #!/bin/bash
                while [ "$1" != "$TANDEM" ]; do shift; done
                exec 9>&"${OPAL_OUTPUT_STDERR_FD:-2}"
                exec "$@"

                """, to: "mpirun")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file("mpirun"))
            return folder
        }

        private static func environment(_ folder: TemporaryFolder) -> [String: String] {
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            return ["TANDEM": URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path + "/program", "PATH": "\(folder.path):\(path)"]
        }

        private func start(
            _ plan: [String], _ options: [String], _ command: [String], ranks: Int = 1
        ) throws -> (result: ProcessResult, calls: [String], said: [String]) {
            let folder = try Self.folder(plan)
            let result = try runCommand(
                [launchFolder + "/local", "--ranks", "\(ranks)", "--threads", "1"] + options + ["train"] + command,
                folder: folder.path, timeLimit: 60, environment: Self.environment(folder))
            let calls = (try? String(contentsOfFile: folder.file("calls"), encoding: .utf8)) ?? ""
            // The first line says where ranks go.
            let said = result.errorOutput.split(separator: "\n").map(String.init).filter { $0.hasPrefix("launch/local: ") }
            return (result, calls.split(separator: "\n").map(String.init), Array(said.dropFirst()))
        }

        private static let threads = "train --set run.threads=1"

        @Test("a job that crashed goes on from its latest valid checkpoint, after a pause, and its last exit code is the script's")
        func mended() throws {
            let plan = ["begin; save 3; exit 75", "begin; save 6; kill -9 $$", "exit 0"]
            let (result, calls, said) = try start(plan, ["--restarts", "3"], ["run.yaml", "--overwrite", "--set", "run.seed=4"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let again = Self.threads + " run.yaml --set run.seed=4 --resume=latest-valid"
            #expect(calls == [Self.threads + " run.yaml --overwrite --set run.seed=4", again, again])
            #expect(
                said.filter { $0.contains("restart") } == [
                    "launch/local: the job ended with exit code 75: restart 1 of 3 in 1 s, from the latest valid checkpoint",
                    "launch/local: the job ended with exit code 137 (SIGKILL): restart 2 of 3 in 2 s, from the latest valid checkpoint",
                ])
            #expect(result.seconds > 3)
        }

        @Test("without a new checkpoint between two crashes it is given up")
        func noProgress() throws {
            let plan = ["begin; save 3; exit 70", "begin; exit 70", "exit 0"]
            let (result, calls, said) = try start(plan, ["--restarts", "9"], ["run.yaml", "--resume=3"])
            #expect(result.exitCode == 70 && calls.count == 2)
            #expect(said.last?.contains("no checkpoint was saved since the crash before") == true, "\(said)")
        }

        @Test("a checkpoint that is saved anew counts, and restarts are used up by their number")
        func usedUp() throws {
            let (result, calls, said) = try start(["begin; save 3; exit 75", "begin; save 3; exit 75"], ["--restarts", "1"], ["run.yaml"])
            #expect(result.exitCode == 75 && calls.count == 2)
            #expect(said.last == "launch/local: the job ended with exit code 75, and all restarts (--restarts 1) are used up")
        }

        @Test("a rank that was killed is a lost rank: 75, with restarts and without", arguments: [["--restarts", "1"], []])
        func killed(options: [String]) throws {
            let (result, _, _) = try start(["begin; kill -9 $$", "begin; kill -9 $$"], options, ["run.yaml"])
            #expect(result.exitCode == 75, "\(result.errorOutput)")
        }

        /// What mpirun 4.1 and srun 22.05 print where a rank dies that was alone on its host, or a host vanishes.
        static let ends: [(launcher: String, words: String, code: Int32, told: String)] = [
            (
                "mpirun", "mpirun noticed that process rank 3 with PID 4711 on node host2 exited on signal 9 (Killed).", 137,
                "rank 3 (host2) was killed by SIGKILL"
            ),
            (
                "mpirun",
                "ORTE has lost communication with a remote daemon.\\n\\n  HNP daemon   : [[4,0],0] on node host1\\n  Remote daemon: [[4,0],1] on node host2\\n",
                205, "host2 is lost, or the network to it"
            ),
            ("srun", "srun: error: host2: task 1: Killed\\nsrun: error: host1: task 0: Killed", 137, "rank 1 (host2) was killed by SIGKILL"),
            ("srun", "srun: error: host2: tasks 2-3: Out Of Memory", 1, "rank 2 (host2) was killed for lack of memory"),
            ("srun", "srun: error: host2: task 1: Segmentation fault (core dumped)", 139, "rank 1 (host2) was killed by SIGSEGV"),
        ]

        @Test("a rank that nobody could see die is told by the batch files, with its host and signal, and the run is marked", arguments: ends)
        func lostRank(launcher: String, words: String, code: Int32, told: String) throws {
            let folder = try Self.folder(["begin; printf '\(words)\\n' >&\(launcher == "mpirun" ? 9 : 2); exit \(code)"])
            try folder.write(try String(contentsOfFile: folder.file("mpirun"), encoding: .utf8), to: "srun")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file("srun"))
            try FileManager.default.createSymbolicLink(atPath: folder.file("launch"), withDestinationPath: launchFolder)
            let result = try runCommand(
                ["bash", "launch/slurm/\(launcher).sbatch", "run.yaml"], folder: folder.path, timeLimit: 60,
                environment: Self.environment(folder).merging([
                    "SLURM_SUBMIT_DIR": folder.path, "SLURM_JOB_NAME": "tandem", "SLURM_JOB_ID": "17", "SLURM_CPUS_PER_TASK": "1",
                    "SLURM_NTASKS_PER_NODE": "2", "RESTARTS": "0",
                ]) { $1 })
            let shown = code == 137 ? 75 : code
            #expect(result.exitCode == shown, "\(result.errorOutput)")
            #expect(try String(contentsOfFile: folder.file("marked"), encoding: .utf8) == "\(told), \(shown)\n")
            let lines = result.errorOutput.split(separator: "\n")
            #expect(lines.last.map(String.init) == "tandem: \(told).", "\(result.errorOutput)")
            // Of mpirun's own words none are left; those of srun can't be kept apart from the ranks'.
            if launcher == "mpirun" { #expect(lines.count == 1, "\(result.errorOutput)") }
        }

        @Test("where ranks could not be started mpirun's own words are shown, and what only repeats the end is not")
        func ownWords() throws {
            let words =
                "%s------------------------------\\nThere are not enough slots.\\n------------------------------\\n"
                + "------------------------------\\nPrimary job  terminated normally, but 1 process returned\\n"
                + "------------------------------\\n[host1:7] 1 more process has sent help message\\n"
            let (result, _, said) = try start(["printf '\(words)' '' >&9; exit 1"], [], ["run.yaml"], ranks: 2)
            #expect(result.exitCode == 1 && said.isEmpty)
            let shown = result.errorOutput.split(separator: "\n").filter { !$0.hasPrefix("launch/local: ") && !$0.hasPrefix("tandem: note") }
            #expect(shown == ["There are not enough slots."], "\(result.errorOutput)")
        }

        @Test("the status of an earlier run is left alone by a job that did not touch it")
        func earlierStatus() throws {
            let folder = try Self.folder(["kill -9 $$"])
            try FileManager.default.createDirectory(atPath: folder.file("run"), withIntermediateDirectories: true)
            try folder.write("{\"state\": \"running\"}", to: "run/status.json")
            let result = try runCommand(
                [launchFolder + "/local", "--ranks", "2", "--threads", "1", "train", "run.yaml"], folder: folder.path, timeLimit: 60,
                environment: Self.environment(folder))
            #expect(result.exitCode == 75 && !FileManager.default.fileExists(atPath: folder.file("marked")), "\(result.errorOutput)")
            #expect(result.errorOutput.hasSuffix("launch/local: mpirun was killed by SIGKILL.\n"), "\(result.errorOutput)")
        }

        @Test("a run that crashed before it began is started as it was given: --overwrite must not resume the old run")
        func notBegun() throws {
            let (result, calls, _) = try start(["exit 75", "exit 0"], ["--restarts", "2"], ["run.yaml", "--overwrite"])
            #expect(result.exitCode == 0)
            #expect(calls == Array(repeating: Self.threads + " run.yaml --overwrite", count: 2))
        }

        @Test("what a person must mend is not tried again", arguments: [66, 74, 78])
        func mistakes(code: Int32) throws {
            let (result, calls, said) = try start(["begin; exit \(code)"], ["--restarts", "2"], ["run.yaml"])
            #expect(result.exitCode == code && calls.count == 1 && said.isEmpty, "\(said)")
        }

        @Test("damaged data is tried again once, from an earlier checkpoint, and not where that was tried already")
        func damaged() throws {
            let (result, calls, _) = try start(["begin; save 3; exit 65", "begin; save 6; exit 65"], ["--restarts", "5"], ["run.yaml", "--resume"])
            #expect(result.exitCode == 65 && calls.count == 2)
        }

        @Test("a latest checkpoint that is damaged does not stop a job that was to go on from it")
        func damagedLatest() throws {
            // The program ends before it has touched the run.
            let (result, calls, _) = try start(["exit 65", "begin; exit 0"], ["--restarts", "2"], ["run.yaml", "--resume"])
            #expect(result.exitCode == 0 && calls.last == Self.threads + " run.yaml --resume=latest-valid", "\(calls)")
        }

        @Test("an mpirun that waits for itself when its ranks are gone is ended", arguments: [("finished", 0), ("failed", 75)])
        func stuckLauncher(state: String, code: Int32) throws {
            let folder = try Self.folder(["mkdir -p run; echo '{\"state\": \"\(state)\"}' > run/status.json"])
            // Like the real one it has the rank for a child, which it does not ask after.
            try folder.write("#!/bin/sh\nwhile [ \"$1\" != \"$TANDEM\" ]; do shift; done\n\"$@\" & sleep 4\nexec tail -f /dev/null\n", to: "mpirun")
            let result = try runCommand(
                [launchFolder + "/local", "--ranks", "2", "--threads", "1", "train", "run.yaml"], folder: folder.path, timeLimit: 60,
                environment: Self.environment(folder))
            #expect(result.exitCode == code && result.errorOutput.contains("mpirun has no rank left and does not end"), "\(result.errorOutput)")
            #expect(result.seconds < 30)
        }

        @Test(
            "a run that was asked to stop, or is to be started again after a pause, is not",
            arguments: [
                "begin; save 3; trap 'kill $!; exit 75' USR1; touch up; sleep 9 & wait", "begin; save 3; touch up; exit 75",
            ])
        func stopped(first: String) throws {
            let folder = try Self.folder([first, "exit 0"])
            let result = try runCommand(
                [
                    "bash", "-c",
                    """
                    "$0/local" --ranks 1 --threads 1 --restarts 3 train run.yaml &
                    until [ -e up ]; do sleep 0.02; done
                    sleep 0.3
                    kill -TERM $!
                    wait $!
                    """, launchFolder,
                ], folder: folder.path, timeLimit: 60, environment: Self.environment(folder))
            #expect(result.exitCode == 75, "\(result.errorOutput)")
            #expect(try String(contentsOfFile: folder.file("calls"), encoding: .utf8).split(separator: "\n").count == 1)
        }

        @Test(
            "--restarts is for train, and a number",
            arguments: [
                (["--restarts", "2", "evaluate", "run.yaml"], "--restarts is for train"),
                (["--restarts", "x", "train"], "--restarts x is not a number"),
            ])
        func refused(_ arguments: [String], words: String) throws {
            let folder = try Self.folder([])
            let result = try runCommand(
                [launchFolder + "/local"] + arguments, folder: folder.path, environment: Self.environment(folder))
            #expect(result.exitCode == Exit.usage && result.errorOutput.hasPrefix("launch/local: " + words), "\(result.errorOutput)")
        }

        @Test(
            "Slurm's batch files restart a crashed run, and put one that was asked to stop back into the queue",
            arguments: [
                ("mpirun", "TERM"), ("srun", "USR1"),
            ])
        func slurm(launcher: String, signal: String) throws {
            let folder = try Self.folder([
                "begin; save 3; exit 75", "begin; save 6; trap 'kill $!; exit 0' USR1; touch up; sleep 9 & wait",
            ])
            for (name, script) in [
                ("srun", try String(contentsOfFile: folder.file("mpirun"), encoding: .utf8)),
                ("scontrol", "#!/bin/sh\necho \"$@\" > requeued\n"),
            ] {
                try folder.write(script, to: name)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file(name))
            }
            // Batch files begin in the folder that they were submitted from: the checkout's.
            try FileManager.default.createSymbolicLink(atPath: folder.file("launch"), withDestinationPath: launchFolder)
            let result = try runCommand(
                [
                    "bash", "-c",
                    """
                    bash launch/slurm/\(launcher).sbatch run.yaml &
                    until [ -e up ]; do sleep 0.02; done
                    kill -\(signal) $!
                    wait $!
                    """,
                ], folder: folder.path, timeLimit: 60,
                environment: Self.environment(folder).merging([
                    "SLURM_SUBMIT_DIR": folder.path, "SLURM_JOB_NAME": "tandem", "SLURM_JOB_ID": "17", "SLURM_CPUS_PER_TASK": "1",
                    "SLURM_NTASKS_PER_NODE": "2",
                ]) { $1 })
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try String(contentsOfFile: folder.file("requeued"), encoding: .utf8) == "requeue 17\n")
            let calls = try String(contentsOfFile: folder.file("calls"), encoding: .utf8).split(separator: "\n")
            #expect(calls == ["train --resume --set run.threads=1 run.yaml", "train --set run.threads=1 run.yaml --resume=latest-valid"])
        }
    }
}
