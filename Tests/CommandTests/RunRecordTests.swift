import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// What a run leaves for a person and for scripts: times, status, figures as JSON, and what `inspect` makes of it.
    @Suite("The records of a run") struct RunRecordTests {
        private func isTime(_ value: Any?) -> Bool {
            (value as? String)?.wholeMatch(of: /20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z/) != nil
        }

        @Test("every row of metrics.jsonl has its time and the run's seconds so far, which go on after a resume", arguments: [nil, 2])
        func times(ranks: Int?) throws {
            let workspace = try Workspace()
            let saving = ["--set", "run.checkpoint_every=2", "--set", "schedule.steps=4"]
            #expect(try workspace.tandem(["train", "config.yaml"] + saving, ranks: ranks).exitCode == 0)
            try workspace.remove("run/export")
            #expect(try workspace.tandem(["train", "config.yaml", "--resume=2"] + saving, ranks: ranks).exitCode == 0)
            let rows = try readJSONL(workspace.file("run/metrics.jsonl"))
            #expect(rows.count == 6 && rows.allSatisfy { isTime($0["time"]) })
            let seconds = rows.compactMap { $0["elapsed_seconds"] as? Double }
            #expect(seconds.count == 6 && seconds == seconds.sorted() && seconds[0] > 0)
        }

        @Test("status.json says when, where, at which step and with which exit code a run ended", arguments: [nil, 2])
        func status(ranks: Int?) throws {
            let workspace = try Workspace()
            #expect(try workspace.tandem(["train", "config.yaml"], ranks: ranks).exitCode == 0)
            let finished = try workspace.json("run/status.json")
            #expect(finished["state"] as? String == "finished" && finished["exit_code"] as? Int == 0 && finished["step"] as? Int == 2)
            #expect(isTime(finished["time"]) && (finished["host"] as? String)?.isEmpty == false)
            let shown = try workspace.tandem(["inspect", "run"])
            #expect(shown.output.contains("state       finished\n") && shown.output.contains("exit code   0\n"), "\(shown.output)")

            // A weight that is not finite ends the run at its first step.
            let failing = ["--overwrite", "--set", "optimizer.learning_rate=1e30", "--set", "schedule.steps=9"]
            #expect(try workspace.tandem(["train", "config.yaml"] + failing, ranks: ranks).exitCode == 70)
            let failed = try workspace.json("run/status.json")
            #expect(failed["state"] as? String == "failed" && failed["exit_code"] as? Int == 70)
            #expect(isTime(failed["time"]))
        }

        @Test("inspect tells a run that ended without a word from one that runs, and how to go on", arguments: [true, false])
        func inspectCrashed(isSaved: Bool) throws {
            let workspace = try Workspace()
            let saving = isSaved ? ["--set", "run.checkpoint_every=3"] : []
            let run = Process()
            run.executableURL = URL(fileURLWithPath: programFolder + "/tandem")
            run.arguments = ["train", "config.yaml", "--set", "schedule.steps=100000"] + saving
            run.currentDirectoryURL = URL(fileURLWithPath: workspace.folder.path)
            run.standardOutput = FileHandle.nullDevice
            try run.run()
            defer { kill(run.processIdentifier, SIGKILL) }
            let mark = isSaved ? "run/checkpoints/step-3/manifest.json" : "run/metrics.jsonl"
            while !workspace.exists(mark), run.isRunning { usleep(1000) }
            let running = try workspace.tandem(["inspect", "run"])
            #expect(running.output.contains("state       running (process \(run.processIdentifier) on "), "\(running.output)")
            #expect(!running.output.contains("go on"))
            kill(run.processIdentifier, SIGKILL)
            run.waitUntilExit()
            let ended = try workspace.tandem(["inspect", "run"])
            #expect(ended.output.contains("state       ended without a word"), "\(ended.output)")
            #expect(ended.output.firstMatch(of: #/last heard  20[0-9-]+T[0-9:]+Z on /#) != nil, "\(ended.output)")
            let advice = isSaved ? "tandem train run/config.yaml --resume" : "no checkpoint was saved: start again"
            #expect(ended.output.contains("go on       ") && ended.output.contains(advice), "\(ended.output)")
            #expect(ended.output.contains("--resume") == isSaved)
        }

        @Test("a second run in a folder is advised --resume only where there is something to resume")
        func adviceFits() throws {
            let workspace = try Workspace()
            #expect(try workspace.tandem(["train", "config.yaml"]).exitCode == 0)
            let without = try workspace.tandem(["train", "config.yaml"])
            #expect(without.causeLines.first?.contains("--resume") == false && without.causeLines.first?.contains("--overwrite") == true)
            let saving = ["--overwrite", "--set", "run.checkpoint_every=1"]
            #expect(try workspace.tandem(["train", "config.yaml"] + saving).exitCode == 0)
            let with = try workspace.tandem(["train", "config.yaml"])
            #expect(with.causeLines.first?.contains("from step 2 with --resume") == true, "\(with.errorOutput)")
        }

        @Test("a run that outlasts run.checkpoint_minutes saves by itself; null and checkpoint_every turn that off", arguments: [nil, 2])
        func savesByClock(ranks: Int?) throws {
            let workspace = try Workspace()
            func saved(_ settings: [String]) throws -> [String] {
                let words = ["train", "config.yaml", "--overwrite", "--set", "schedule.steps=4", "--set", "run.keep_last=9"]
                let result = try workspace.tandem(words + settings.flatMap { ["--set", $0] }, ranks: ranks)
                #expect(result.exitCode == 0, "\(result.errorOutput)")
                let names = try? FileManager.default.contentsOfDirectory(atPath: workspace.file("run/checkpoints"))
                return names?.sorted() ?? []
            }
            // The last step is exported instead.
            #expect(try saved(["run.checkpoint_minutes=1e-9"]) == ["step-1", "step-2", "step-3"])
            let resumed = try workspace.tandem(
                ["train", "config.yaml", "--resume=2", "--set", "schedule.steps=4", "--set", "run.checkpoint_minutes=1e-9"], ranks: ranks)
            #expect(resumed.exitCode == 0 && resumed.output.contains("resumed     after step 2"), "\(resumed.errorOutput)")
            #expect(try saved(["run.checkpoint_minutes=1e-9", "run.checkpoint_every=3"]) == ["step-3"])
            #expect(try saved(["run.checkpoint_minutes=null"]).isEmpty)
            #expect(try saved([]).isEmpty, "four steps take no half hour")
        }

        @Test("an export that fails keeps a checkpoint, and --resume goes on to the same export", arguments: [nil, 2])
        func failedExport(ranks: Int?) throws {
            let workspace = try Workspace()
            let steps = ["--set", "schedule.steps=200"]
            #expect(try workspace.tandem(["train", "config.yaml", "--set", "run.directory=whole"] + steps, ranks: ranks).exitCode == 0)
            let launcher = ranks.map { "mpirun -n \($0) --oversubscribe --bind-to none " } ?? ""
            let failed = try workspace.shell(
                """
                \(launcher)"$TANDEM" train config.yaml \(steps.joined(separator: " ")) &
                until grep -qs '"step": 3[,}]' run/metrics.jsonl; do sleep 0.01; done
                echo mine > run/export
                wait $!
                """)
            #expect(failed.exitCode != 0 && failed.causeLines.count == 1, "\(failed.errorOutput)")
            let line = try #require(failed.causeLines.first)
            #expect(line.contains("run/export") && line.contains("Step 200 is saved: --resume continues with the export."), "\(line)")
            #expect(try workspace.text("run/export") == "mine\n")
            try workspace.remove("run/export")
            let resumed = try workspace.tandem(["train", "config.yaml", "--resume"] + steps, ranks: ranks)
            #expect(resumed.exitCode == 0, "\(resumed.errorOutput)")
            #expect(try workspace.bytes("run/export/model.safetensors") == workspace.bytes("whole/export/model.safetensors"))
        }

        @Test("rows go into a new file where somebody removed metrics.jsonl, and the run can be resumed")
        func removedMetrics() throws {
            let workspace = try Workspace()
            let result = try workspace.shell(
                """
                "$TANDEM" train config.yaml --set schedule.steps=400 --set run.checkpoint_every=400 &
                until grep -qs '"step": 3[,}]' run/metrics.jsonl; do sleep 0.01; done
                rm run/metrics.jsonl
                wait $!
                """)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try workspace.metrics().last { $0["eval"] == nil }?["step"] as? Double == 400)
            try workspace.remove("run/export")
            let resumed = try workspace.tandem(["train", "config.yaml", "--set", "schedule.steps=400", "--resume"])
            #expect(resumed.exitCode == 0 && !resumed.output.contains("was changed"), "\(resumed.output)")
        }

        @Test("an edited metrics.jsonl that takes the file's place while the run goes on keeps its rows, and gets the next ones")
        func replacedMetrics() throws {
            let workspace = try Workspace()
            let result = try workspace.shell(
                """
                "$TANDEM" train config.yaml --set schedule.steps=400 &
                until grep -qs '"step": 3[,}]' run/metrics.jsonl; do sleep 0.01; done
                sed '1s/^{/{"mine": 1, /' run/metrics.jsonl > edited && mv edited run/metrics.jsonl
                wait $!
                """)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let rows = try workspace.metrics()
            #expect(rows.first?["mine"] as? Double == 1)
            #expect(rows.last { $0["eval"] == nil }?["step"] as? Double == 400)
        }

        @Test("evaluate --output writes the figures that it prints as JSON, of every validation set", arguments: [nil, 2])
        func evaluationFile(ranks: Int?) throws {
            let workspace = try Workspace()
            let sets = ["--set", "data.validation={first: pairs.h5, second: pairs.h5}"]
            let result = try workspace.tandem(["evaluate", "config.yaml", "--output", "figures.json"] + sets, ranks: ranks)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            // Its own file is replaced.
            #expect(try workspace.tandem(["evaluate", "config.yaml", "--output", "figures.json"] + sets, ranks: ranks).exitCode == 0)
            let object = try workspace.json("figures.json")
            #expect(isTime(object["time"]) && object["model"] as? String == "policy")
            let datasets = try #require(object["datasets"] as? [String: [String: Double]])
            #expect(datasets.keys.sorted() == ["first", "second"])
            let loss = try #require(datasets["first"]?["eval_loss"])
            #expect(loss == datasets["second"]?["eval_loss"])
            // Digit for digit: JSONSerialization reads some numbers a unit in the last place off.
            let printed = try #require(result.output.firstMatch(of: #/eval_loss +([0-9.e-]+)/#)?.1)
            #expect(abs(Double(printed)! - loss) < 1e-12)
            #expect(try workspace.text("figures.json").contains("\"eval_loss\": \(printed),"))
        }

        @Test(
            "evaluate --output replaces its own file and nothing else",
            arguments: [
                Refusal(
                    "its dataset", exit: Exit.usage, says: ["pairs.h5", "inputs"], arguments: ["evaluate", "config.yaml", "--output", "pairs.h5"]),
                Refusal(
                    "its configuration by another name", exit: Exit.usage, says: ["link.yaml", "inputs"],
                    arguments: ["evaluate", "config.yaml", "--output", "link.yaml"]
                ) { try FileManager.default.linkItem(atPath: $0.file("config.yaml"), toPath: $0.file("link.yaml")) },
                Refusal(
                    "a folder", exit: Exit.inputOutput, says: ["policy", "is a folder"], arguments: ["evaluate", "config.yaml", "--output", "policy"]),
                Refusal(
                    "a folder that is not there", exit: Exit.inputOutput, says: ["none/figures.json", "does not exist"],
                    arguments: ["evaluate", "config.yaml", "--output", "none/figures.json"]),
                Refusal(
                    "somebody's file", exit: Exit.configuration, says: ["mine.json", "--overwrite"],
                    arguments: ["evaluate", "config.yaml", "--output", "mine.json"]
                ) { try $0.folder.write("{\"mine\": 1}", to: "mine.json") },
            ])
        func evaluationFileMistakes(_ refusal: Refusal) throws { try refusal.check(in: Workspace()) }
    }
}
