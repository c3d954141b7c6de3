import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// Ranks that stop or vanish in the middle of a run.
    @Suite("Ranks that hang or vanish") struct HangTests {
        /// Starts a long run on three ranks, does `fault` to process `$VICTIM`, rank 1's, after the third step, and returns
        /// what mpirun (`$LAUNCHER`) printed. The seconds since the fault are in the file `seconds`.
        private func run(_ fault: String, _ arguments: String = "", in workspace: Workspace) throws -> ProcessResult {
            try workspace.shell(
                """
                mpirun -n 3 --oversubscribe --bind-to none sh -c 'echo $$ > rank-$OMPI_COMM_WORLD_RANK; exec "$TANDEM" train \
                config.yaml --set schedule.steps=1000000 --set evaluation.at_start=false \(arguments)' > output &
                LAUNCHER=$!
                until grep -q '"step": 3' run/metrics.jsonl 2> /dev/null || ! kill -0 $LAUNCHER; do sleep 0.05; done
                VICTIM=$(cat rank-1)
                START=$(date +%s%N)
                \(fault)
                wait $LAUNCHER
                CODE=$?
                while readlink /proc/$(cat rank-0)/exe || readlink /proc/$(cat rank-2)/exe; do sleep 0.05; done > /dev/null
                echo $((($(date +%s%N) - START) / 1000000)) > milliseconds
                exit $CODE
                """)
        }

        private func secondsAfterFault(_ workspace: Workspace) throws -> Double {
            Double(try workspace.text("milliseconds").trimmingCharacters(in: .whitespacesAndNewlines))! / 1000
        }

        /// The first line that is not a note about cores, which runs begin with.
        private func firstWord(_ result: ProcessResult) -> Substring {
            result.errorOutput.split(separator: "\n").first { !$0.hasPrefix("tandem: note: ") } ?? ""
        }

        @Test("a stopped rank is named after the limit, and all ranks end")
        func stopped() throws {
            let workspace = try Workspace()
            let result = try run("kill -STOP $VICTIM", "--set run.collective_timeout=4", in: workspace)
            #expect(result.exitCode == 75, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1, "\(result.errorOutput)")
            let line = try #require(result.causeLines.first)
            #expect(line.hasPrefix("tandem: rank 1 (") && line.contains("is stopped by a signal"), "\(line)")
            #expect(
                line.contains("run.collective_timeout is 4 s") && line.hasSuffix("Start it again with --overwrite: no checkpoint was saved yet."),
                "\(line)")
            // What speaks first is the cause, not mpirun.
            #expect(firstWord(result).hasPrefix("tandem: rank 1 ("), "\(result.errorOutput)")
            #expect(try secondsAfterFault(workspace) < 4 + 10)
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed")
            #expect((status["reason"] as? String)?.contains("is stopped") == true)
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test("a rank that is killed is named, with how and where, before mpirun says which it was")
        func killed() throws {
            let workspace = try Workspace()
            let result = try run("kill -KILL $VICTIM", in: workspace)
            #expect([75, 137].contains(result.exitCode), "\(result.errorOutput)")
            #expect(result.causeLines.count == 1, "\(result.errorOutput)")
            #expect(result.causeLines.first?.wholeMatch(of: /tandem: rank 1 \(.*\): was killed.*, in step [0-9]+.*/) != nil)
            let words = result.errorOutput
            let (ours, theirs) = (words.range(of: "tandem: rank 1 ("), words.range(of: "mpirun noticed"))
            #expect(ours != nil && (theirs == nil || ours!.lowerBound < theirs!.lowerBound), "\(words)")
            #expect(try secondsAfterFault(workspace) < 10)
            #expect(try workspace.json("run/status.json")["state"] as? String == "failed")
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test("ranks whose launcher is killed end by themselves")
        func orphaned() throws {
            let workspace = try Workspace()
            let result = try run("kill -KILL $LAUNCHER", in: workspace)
            #expect(result.exitCode == 137)
            #expect(try secondsAfterFault(workspace) < 10)
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test("a run that was stopped as a whole and continued goes on: nobody was late")
        func suspended() throws {
            let workspace = try Workspace()
            let result = try run(
                """
                kill -STOP $(cat rank-0 rank-1 rank-2); sleep 8; kill -CONT $(cat rank-0 rank-1 rank-2); sleep 2
                kill -0 $LAUNCHER && echo alive > alive
                kill -USR1 $LAUNCHER
                """, "--set run.collective_timeout=4", in: workspace)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(workspace.exists("alive") && result.causeLines.isEmpty, "\(result.errorOutput)")
            #expect(try workspace.json("run/status.json")["state"] as? String == "preempted")
        }

        @Test("a step that lasts too long ends the run, on one process too")
        func longStep() throws {
            // Limits are looked at four times a second; this step lasts longer.
            let pairs = randomPairs(count: 4000, vocabulary: 509, lengths: 3...12, seed: 5)
            let workspace = try Workspace(pairs: pairs)
            let result = try workspace.tandem(
                [
                    "train", "config.yaml", "--set", "schedule.pairs_per_step=4000", "--set", "schedule.tokens_per_micro_batch=8",
                    "--set", "evaluation.at_start=false", "--set", "run.step_timeout=0.25",
                ])
            #expect(result.exitCode == 75, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines[0].contains("run.step_timeout is 0.25 s"))
            #expect(result.causeLines.first?.contains("step 1") == true, "\(result.errorOutput)")
        }

        @Test("ranks that compare what they call compute the same")
        func compared() throws {
            let workspace = try Workspace()
            for (directory, checks) in [("plain", false), ("checked", true)] {
                let result = try workspace.tandem(
                    [
                        "train", "config.yaml", "--set", "run.directory=\(directory)", "--set", "run.check_collectives=\(checks)",
                        "--set", "parallel.tensor=2", "--set", "parallel.zero=1",
                    ], ranks: 4)
                #expect(result.exitCode == 0, "\(result.errorOutput)")
            }
            let losses = try ["plain", "checked"].map { try workspace.metrics($0).compactMap { $0["loss"] as? Double } }
            #expect(losses[0].count == 2 && losses[0] == losses[1])
        }
    }
}
