import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("From JSONL to a dataset") struct PreparePathTests {
        /// How many records `inspect` finds in a dataset.
        private func recordCount(_ name: String, in workspace: Workspace) throws -> Int? {
            let result = try workspace.tandem(["inspect", name, "--verify"])
            return result.output.firstMatch(of: /records +([0-9]+)/).flatMap { Int($0.1) }
        }

        @Test("every record goes to training or to validation, and the same ones each time")
        func split() throws {
            let workspace = try Workspace(pairs: randomPairs(count: 50, vocabulary: 509, lengths: 3...12, seed: 6))
            for output in ["first.h5", "second.h5"] {
                let result = try workspace.tandem(
                    ["prepare", "--input", "pairs.jsonl", "--output", output, "--validation", "0.3"])
                #expect(result.exitCode == 0 && result.errorOutput.isEmpty, "\(result.errorOutput)")
                #expect(result.output.contains(output) && result.output.contains("preference records"))
            }
            let training = try #require(try recordCount("first.h5", in: workspace))
            let validation = try #require(try recordCount("first-validation.h5", in: workspace))
            #expect(training + validation == 50 && validation > 5 && validation < 25)
            #expect(try recordCount("second.h5", in: workspace) == training)
            let first = try workspace.score("policy", data: "first-validation.h5")
            let second = try workspace.score("policy", data: "second-validation.h5")
            #expect(first.map { $0.parts[0].sum } == second.map { $0.parts[0].sum })
        }

        @Test("what is dropped or shortened is counted")
        func counts() throws {
            let workspace = try Workspace()
            try workspace.folder.write(
                """
                {"prompt_ids": [3, 4, 5, 6, 7, 8], "chosen_ids": [9, 10], "rejected_ids": [11]}
                {"prompt_ids": [3, 4], "chosen_ids": [9, 10], "rejected_ids": [9, 10]}
                {"prompt_ids": [3], "chosen_ids": [9, 10, 11, 12, 13], "rejected_ids": [11]}
                {"prompt_ids": [3], "chosen_ids": [9], "rejected_ids": [11]}

                """, to: "records.jsonl")
            let result = try workspace.tandem(
                ["prepare", "--input", "records.jsonl", "--output", "records.h5", "--max-length", "5"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(result.output.contains("2 preference records"))
            #expect(result.output.contains("shortened the prompt of 1"))
            #expect(result.output.contains("dropped 1") && result.output.contains("identical") && result.output.contains("too long"))
            #expect(try recordCount("records.h5", in: workspace) == 2)
        }

        @Test("what a killed preparation left goes with the next one of the same output; that of one that runs stays")
        func leftovers() throws {
            let workspace = try Workspace()
            // A file so large that the first preparation is stopped while it writes.
            let result = try workspace.shell(
                #"""
                yes '{"input_ids": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]}' | head -n 1000000 > large.jsonl
                "$TANDEM" prepare --input large.jsonl --output new.h5 &
                preparation=$!
                until ls | grep -q 'new.h5.partial-'; do sleep 0.01; done
                kill -STOP $preparation
                "$TANDEM" prepare --input pairs.jsonl --output new.h5 && ls | grep 'new.h5.partial-' > running
                kill -KILL $preparation
                wait
                rm large.jsonl
                ls | grep 'new.h5.partial-' > killed
                "$TANDEM" prepare --input pairs.jsonl --output other.h5 && ls | grep 'new.h5.partial-' > elsewhere
                exec "$TANDEM" prepare --input pairs.jsonl --output new.h5
                """#)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let left = try workspace.text("running")
            #expect(left.split(separator: "\n").count == 1)
            #expect(try workspace.text("killed") == left && workspace.text("elsewhere") == left)
            let remaining = try FileManager.default.contentsOfDirectory(atPath: workspace.folder.path)
                .filter { $0.contains("partial") }
            #expect(remaining.isEmpty, "\(remaining)")
            #expect(try recordCount("new.h5", in: workspace) == 10)
        }

        @Test("several files become one dataset, in their order")
        func severalFiles() throws {
            let workspace = try Workspace()
            try workspace.folder.write(randomPairs(count: 3, vocabulary: 509, lengths: 3...6, seed: 9), to: "more.jsonl")
            _ = try makeDataset(workspace.text("more.jsonl"), in: workspace.folder, named: "alone")
            let result = try workspace.tandem(["prepare", "--input", "pairs.jsonl", "more.jsonl", "--output", "all.h5"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let all = try workspace.score("policy", data: "all.h5")
            #expect(all.count == 13)
            // A record's place in a micro-batch changes the last bits of its products.
            for (ours, alone) in zip(all.suffix(3), try workspace.score("policy", data: "alone.h5")) {
                #expect(isClose(ours.parts[0].sum, alone.parts[0].sum, relative: 1e-5))
            }
        }
    }
}
