import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// Failures that one rank alone meets: the others must not wait for it for ever, nor repeat its words.
    @Suite("One rank fails") struct RankFailureTests {
        /// A workspace with a second folder, `other`, that lacks what `missing` names: rank `lone` starts there.
        private func run(lone: Int, missing: [String], _ command: String) throws -> (Workspace, ProcessResult) {
            let workspace = try Workspace()
            try workspace.makeFolder("other")
            for name in ["config.yaml", "policy", "reference", "pairs.h5"] where !missing.contains(name) {
                try workspace.copy(name, to: "other/" + name)
            }
            let result = try workspace.shell(
                "if [ $OMPI_COMM_WORLD_RANK = \(lone) ]; then cd other; fi; exec \"$TANDEM\" \(command)", ranks: 2)
            return (workspace, result)
        }

        @Test(
            "a file that one rank lacks is told in one line and ends all ranks",
            arguments: [("config.yaml", 1), ("pairs.h5", 1), ("policy", 0), ("reference", 0), ("pairs.h5", 0)])
        func lacking(_ name: String, rank: Int) throws {
            let (workspace, result) = try run(lone: rank, missing: [name], "train config.yaml")
            #expect(result.exitCode == Exit.missingInput, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines.first?.contains(name) == true, "\(result.errorOutput)")
            #expect(result.seconds < 10)
            #expect(!workspace.exists("run") && !workspace.exists("other/run"))
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test("scores are not written when one rank lacks the dataset")
        func lackingAtScoring() throws {
            let (workspace, result) = try run(
                lone: 1, missing: ["pairs.h5"], "score --checkpoint policy --data pairs.h5 --output scores.jsonl")
            #expect(result.exitCode == Exit.missingInput && result.causeLines.count == 1, "\(result.errorOutput)")
            #expect(!workspace.exists("scores.jsonl") && !workspace.exists("scores.jsonl.partial"))
        }

        @Test("a file that all ranks but the first lack, as on a node without it, is told once")
        func lackingOnANode() throws {
            let workspace = try Workspace()
            try workspace.makeFolder("other")
            let result = try workspace.shell(
                "if [ $OMPI_COMM_WORLD_RANK != 0 ]; then cd other; fi; exec \"$TANDEM\" train config.yaml", ranks: 4)
            #expect(result.exitCode == Exit.missingInput, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines.first?.contains("config.yaml") == true)
            #expect(result.seconds < 10)
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test(
            "ranks that are about to do different things say so and train nothing",
            arguments: [
                ("model: {checkpoint: policy}", "model: {checkpoint: reference}", Exit.configuration, "model.checkpoint: reference"),
                ("learning_rate: 0.001", "learning_rate: 0.002", Exit.configuration, "optimizer.learning_rate: 0.002"),
                ("shuffle", "shuffle", Exit.damagedData, "pairs.h5 of 2 records"),
                ("shuffle", "shuffle", Exit.damagedData, "reference/model.safetensors"),
            ])
        func differing(_ setting: String, other: String, exit: Int32, says words: String) throws {
            let workspace = try Workspace()
            try workspace.makeFolder("other")
            for name in ["policy", "reference", "pairs.h5"] { try workspace.copy(name, to: "other/" + name) }
            try workspace.write(Data(workspace.text("config.yaml").replacing(setting, with: other).utf8), to: "other/config.yaml")
            if words.contains("records") {
                let pair = "{\"prompt_ids\": [301, 302, 303], \"chosen_ids\": [4, 5], \"rejected_ids\": [6]}\n"
                _ = try makeDataset(pair + pair, in: workspace.folder, named: "other/pairs")
            } else if words.contains("safetensors") {
                var bytes = try workspace.bytes("other/" + words)
                bytes[bytes.count - 1] ^= 1
                try workspace.write(bytes, to: "other/" + words)
            }
            let result = try workspace.shell(
                "if [ $OMPI_COMM_WORLD_RANK = 1 ]; then cd other; fi; exec \"$TANDEM\" train config.yaml", ranks: 2)
            #expect(result.exitCode == exit, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines.first?.contains(words) == true, "\(result.errorOutput)")
            #expect(result.causeLines.first?.hasPrefix("tandem: rank 1: ") == true)
            #expect(result.seconds < 10)
            #expect(!workspace.exists("run") && !workspace.exists("other/run"))
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test(
            "ranks that were started to do different things say so, and not what else differs then",
            arguments: [
                (
                    "train config.yaml", "score --checkpoint policy --data pairs.h5 --output scores.jsonl",
                    "tandem score --tensor 1 --output scores.jsonl", "tandem train"
                ),
                ("train config.yaml", "inspect pairs.h5", "tandem inspect", "tandem train"),
                ("train config.yaml --overwrite", "train config.yaml --resume", "tandem train --resume", "tandem train --overwrite"),
                ("train config.yaml", "train config.yaml --show-directory", "tandem train --show-directory", "tandem train"),
                ("prepare --input pairs.jsonl --output new.h5", "plan config.yaml", "tandem plan", "tandem prepare"),
            ])
        func commands(first: String, second: String, odd: String, usual: String) throws {
            let workspace = try Workspace()
            let result = try workspace.shell(
                """
                export OMPI_MCA_odls_base_sigkill_timeout=0
                mpirun --oversubscribe --bind-to none -n 1 "$TANDEM" \(first) : -n 1 "$TANDEM" \(second)
                """)
            #expect(result.exitCode == Exit.usage && result.seconds < 10, "\(result.errorOutput)")
            let remedy = "Start all ranks with the same command and options."
            #expect(result.errorOutput == "tandem: rank 1: \(odd), but \(usual) on rank 0. \(remedy)\n")
            #expect(!workspace.exists("run") && !workspace.exists("new.h5"))
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test("a rank that ends before MPI starts, without a word, does not keep the others waiting for ever")
        func missing() throws {
            let workspace = try Workspace()
            let result = try workspace.shell(
                "[ $OMPI_COMM_WORLD_RANK = 0 ] || exit 0; exec \"$TANDEM\" train config.yaml --set run.collective_timeout=3", ranks: 2, timeLimit: 30)
            #expect(result.exitCode == Exit.tryAgain && result.seconds < 20, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines[0].hasPrefix("tandem: rank 0 ("), "\(result.errorOutput)")
            #expect(result.causeLines.first?.contains("not all of the 2 ranks have come") == true)
        }

        @Test("ranks that would write into folders of their own are told so before the first step")
        func ownDirectories() throws {
            let workspace = try Workspace()
            try workspace.makeFolder("other")
            for name in ["config.yaml", "policy", "reference", "pairs.h5"] { try workspace.copy(name, to: "other/" + name) }
            let result = try workspace.shell(
                "if [ $OMPI_COMM_WORLD_RANK = 1 ]; then cd other; fi; exec \"$TANDEM\" train config.yaml", ranks: 2)
            #expect(result.exitCode == Exit.configuration && result.seconds < 10, "\(result.errorOutput)")
            let line =
                "tandem: rank 1: run.directory = run is another folder there than on rank 0. Start all ranks in one folder, or give an absolute path."
            #expect(result.causeLines == [line], "\(result.errorOutput)")
            #expect(!workspace.exists("run") && !workspace.exists("other/run"))
        }

        @Test(
            "under plain mpirun a refusal is one line, and MPI adds none",
            arguments: [
                ("train nothing.yaml", 1), ("train nothing.yaml", 2), ("inspect nothing", 1), ("inspect nothing", 2), ("train --no-such-option", 2),
            ])
        func alone(command: String, ranks: Int) throws {
            let result = try Workspace().tandem(command.split(separator: " ").map(String.init), ranks: ranks)
            #expect([Exit.missingInput, Exit.usage].contains(result.exitCode))
            #expect(result.errorOutput.hasPrefix("tandem: ") && result.errorOutput.split(separator: "\n").count == 1, "\(result.errorOutput)")
        }

        /// The damage shows itself when the chunk is read, in the middle of the work of all ranks.
        @Test("a chunk that one rank can't read is told in one line and ends all ranks", arguments: [0, 1])
        func unreadable(rank: Int) throws {
            let pair = "{\"prompt_ids\": [301, 302, 303], \"chosen_ids\": [4, 5], \"rejected_ids\": [6]}\n"
            let workspace = try Workspace(pairs: pair + pair)
            try workspace.makeFolder("other")
            for name in ["config.yaml", "policy", "reference", "pairs.h5"] { try workspace.copy(name, to: "other/" + name) }
            try workspace.flipTokenBit("other/pairs.h5")
            let result = try workspace.shell(
                "if [ $OMPI_COMM_WORLD_RANK = \(rank) ]; then cd other; fi; "
                    + "exec \"$TANDEM\" score --checkpoint policy --data pairs.h5 --output scores.jsonl", ranks: 2)
            #expect(result.exitCode == Exit.damagedData, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines.first?.contains("pairs.h5") == true)
            #expect(result.seconds < 10)
            for name in ["", "other/"] {
                #expect(!workspace.exists(name + "scores.jsonl") && !workspace.exists(name + "scores.jsonl.partial"))
            }
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test("a loss that is no number ends the run in one line, with the last good step in its status", arguments: [nil, 2])
        func diverged(ranks: Int?) throws {
            let workspace = try Workspace()
            let result = try workspace.tandem(
                ["train", "config.yaml", "--set", "optimizer.learning_rate=1e30", "--set", "schedule.steps=5"], ranks: ranks)
            #expect(result.exitCode == 70, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines.first?.contains("optimizer.learning_rate") == true)
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "failed")
            #expect(try workspace.metrics().filter { $0["eval"] == nil }.count == status["step"] as? Int)
            #expect(!workspace.exists("run/export"))
            #expect(workspace.remainingProcesses().isEmpty)
        }

        @Test("a rank that is killed in the middle of training ends the job within seconds", arguments: [0, 1])
        func killed(rank: Int) throws {
            let workspace = try Workspace()
            let result = try workspace.shell(
                """
                if [ $OMPI_COMM_WORLD_RANK = \(rank) ]; then
                  (until grep -q '"step": 3' run/metrics.jsonl 2> /dev/null; do sleep 0.05; done; date +%s > killed; kill -KILL $$) &
                fi
                exec "$TANDEM" train config.yaml --set schedule.steps=1000000
                """, ranks: 2, timeLimit: 60)
            let end = Date().timeIntervalSince1970
            // mpirun's choice: the killed rank's, or that of the one that told of it.
            #expect([75, 137].contains(result.exitCode), "\(result.errorOutput)")
            let killed = try #require(Double(workspace.text("killed").trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(end - killed < 10)
            #expect(workspace.remainingProcesses().isEmpty)
            #expect(!workspace.exists("run/export"))
            #expect(try workspace.metrics().count >= 3, "every line that was written is whole")
        }
    }
}
