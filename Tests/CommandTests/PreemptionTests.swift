import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Preemption") struct PreemptionTests {
        @Test("a time limit ends the run, saved, before it is reached; it goes on with the command that is said last", arguments: [nil, 2])
        func timeLimit(ranks: Int?) throws {
            let workspace = try Workspace()
            let endless = ["--set", "schedule.steps=1000000", "--set", "run.time_limit=00:00:08"]
            let result = try workspace.tandem(["train", "config.yaml"] + endless, ranks: ranks)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "preempted" && status["reason"] as? String == "time limit")
            let step = try #require(status["step"] as? Int)
            #expect(step > 0 && workspace.exists("run/checkpoints/step-\(step)"))
            // What comes before the program's own clock is not counted, nor are mpirun's start and end.
            #expect(result.seconds < (ranks == nil ? 9 : 12))
            let last = try #require(result.output.split(separator: "\n").last)
            let command = (ranks.map { "mpirun -n \($0) " } ?? "") + programFolder + "/tandem train config.yaml"
            #expect(last.hasSuffix("continue with: \(command) \(endless.joined(separator: " ")) --resume"), "\(last)")
            #expect(last.contains("after step \(step), which is saved (time limit)"))

            let resumed = try workspace.shell(
                "\(command) --set schedule.steps=1000000 --set run.time_limit=2s --resume".replacing("mpirun", with: "mpirun --oversubscribe"))
            #expect(resumed.exitCode == 0 && resumed.output.contains("resumed     after step \(step)"), "\(resumed.errorOutput)")
        }

        @Test("a time limit that has no room for a step ends the run before its first one")
        func noTime() throws {
            let workspace = try Workspace()
            let result = try workspace.tandem(["train", "config.yaml", "--set", "run.time_limit=0.5"])
            #expect(
                result.exitCode == 0
                    && result.output.contains("stopped     before the first step: nothing is saved (time limit); start again with: "),
                "\(result.output)")
            #expect(try workspace.json("run/status.json")["state"] as? String == "preempted")
            #expect(!workspace.exists("run/checkpoints") && !workspace.exists("run/metrics.jsonl"))
        }

        /// Thousands of micro-batches of a pair each: an evaluation of several seconds.
        private func longEvaluation() throws -> Workspace {
            let workspace = try Workspace(pairs: randomPairs(count: 1500, vocabulary: 509, lengths: 3...12, seed: 5))
            let text = Workspace.configuration.replacing("pairs_per_step: 4", with: "pairs_per_step: 4, tokens_per_micro_batch: 30")
            try workspace.folder.write(text, to: "config.yaml")
            return workspace
        }

        private static let signalled = """
            { mpirun -n 2 --oversubscribe --bind-to none "$TANDEM" train config.yaml $SETTINGS; echo $? > code; date +%s%N > ended; } &
            until [ -e "$MARK" ]; do sleep 0.02; done
            sleep 0.2
            date +%s%N > signalled
            kill -USR1 $(pgrep -P $!)
            wait
            exit $(cat code)
            """

        private func signal(when mark: String, _ settings: String, in workspace: Workspace) throws -> Double {
            let script = "SETTINGS='\(settings)'; MARK='\(mark)'\n" + Self.signalled
            let result = try workspace.shell(script)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try workspace.json("run/status.json")["reason"] as? String == "SIGUSR1")
            func time(_ file: String) throws -> Double { Double(try workspace.text(file).trimmingCharacters(in: .whitespacesAndNewlines))! }
            return (try time("ended") - time("signalled")) * 1e-9
        }

        @Test("an evaluation before the first step does not delay the end, and nothing needs to be saved")
        func beforeTheFirstStep() throws {
            let workspace = try longEvaluation()
            #expect(try signal(when: "run/status.json", "", in: workspace) < 8)
            #expect(try workspace.json("run/status.json")["step"] as? Int == 0)
            #expect(!workspace.exists("run/checkpoints") && !workspace.exists("run/metrics.jsonl"))
        }

        @Test("an evaluation that was broken off, the last one too, is made up for when the run goes on", arguments: [1, 2])
        func duringEvaluation(steps: Int) throws {
            let workspace = try longEvaluation()
            let settings = "--set evaluation.every=1 --set evaluation.at_start=false --set schedule.steps=\(steps)"
            // The first step's row is there before its evaluation begins.
            #expect(try signal(when: "run/metrics.jsonl", settings, in: workspace) < 8)
            #expect(try workspace.json("run/status.json")["step"] as? Int == 1)
            #expect(try readJSONL(workspace.file("run/metrics.jsonl")).count == 1 && !workspace.exists("run/export"))
            let words = settings.split(separator: " ").map(String.init)
            let resumed = try workspace.tandem(["train", "config.yaml", "--resume"] + words, ranks: 2)
            #expect(resumed.exitCode == 0, "\(resumed.errorOutput)")
            let rows = try readJSONL(workspace.file("run/metrics.jsonl"))
            #expect(rows.map { $0["step"] as? Int } == Array([1, 1, 2, 2].prefix(2 * steps)))
            #expect(rows.map { $0["eval"] != nil } == Array([false, true, false, true].prefix(2 * steps)))
            #expect(workspace.exists("run/export/config.json"))
            #expect(try workspace.json("run/status.json")["state"] as? String == "finished")
        }
    }
}
