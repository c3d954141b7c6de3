import TestSupport
import Testing

extension CommandTests {
    @Suite("A run's table") struct RunTableTests {
        /// A run of pairs whose chosen completions have `before` and `after` nats a token.
        private func lines(_ name: String, before: Double, after: Double) throws -> [String] {
            let workspace = try Workspace()
            try workspace.makeFolder("run")
            try workspace.folder.write(#"{"state": "finished", "step": 48, "reason": null}"#, to: "run/status.json")
            let rows = [(0, before), (48, after)].map { step, nats in
                "{\"step\": \(step), \"eval\": true, \"dataset\": \"\(name)\", \"eval_loss\": \(nats), \"eval_nll/chosen\": \(nats)}\n"
            }
            try workspace.folder.write(rows.joined(), to: "run/metrics.jsonl")
            let result = try workspace.tandem(["inspect", "run"])
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            let lines = result.output.split(separator: "\n").map(String.init)
            return Array(lines[try #require(lines.firstIndex { $0.hasPrefix(name) })...])
        }

        @Test("figures of the usual size stand where they always did")
        func usual() throws {
            // exp(0.5) = 1.6487212707, exp(0.25) = 1.2840254167
            #expect(
                try lines("validation", before: 0.5, after: 0.25) == [
                    "validation              step 0      step 48",
                    "  loss                  0.50000     0.25000",
                    "  perplexity of chosen  1.649       1.284",
                ])
        }

        @Test("a figure or a name that is wider than its column makes the column wider for all")
        func wide() throws {
            // exp(60) = 1.1420073898e26, exp(20) = 485165195.40979
            #expect(
                try lines("a-dataset-with-a-long-name", before: 60, after: 20) == [
                    "a-dataset-with-a-long-name  step 0      step 48",
                    "  loss                      60.00000    20.00000",
                    "  perplexity of chosen      1.1420e+26  485165195.410",
                ])
            #expect(
                try lines("validation", before: 20, after: 60) == [
                    "validation              step 0         step 48",
                    "  loss                  20.00000       60.00000",
                    "  perplexity of chosen  485165195.410  1.1420e+26",
                ])
        }
    }
}
