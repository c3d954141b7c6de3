import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Models no better than chance") struct ChanceLevelTests {
        private static let words = "note: the model is no better than chance on "

        /// `sevens` is one token again and again, which a few steps learn; of `random` texts nothing can be learnt.
        private func workspace(_ validation: Bool) throws -> Workspace {
            let workspace = try Workspace()
            let sevens = String(repeating: #"{"input_ids": [7, 7, 7, 7, 7, 7, 7, 7]}"# + "\n", count: 8)
            let random = randomTexts(count: 8, vocabulary: 509, lengths: 8...8, seed: 6)
            for (name, lines) in [("sevens", sevens), ("random", random)] {
                _ = try makeDataset(lines, in: workspace.folder, named: name)
                try workspace.folder.write(
                    """
                    model: {checkpoint: policy}
                    data: {train: \(name).h5\(validation ? ", validation: {held: \(name).h5}" : "")}
                    objective: {type: language_modeling, weight: 0.25}
                    schedule: {steps: 8, tokens_per_step: 64}
                    optimizer: {learning_rate: \(name == "sevens" ? 0.01 : 0)}
                    run: {directory: run, threads: 1}

                    """, to: name + ".yaml")
            }
            return workspace
        }

        @Test("a run says so of the validation set, or of its last step; one that has learnt says nothing", arguments: [true, false])
        func training(validation: Bool) throws {
            let workspace = try workspace(validation)
            let learnt = try workspace.tandem(["train", "sevens.yaml"])
            #expect(learnt.exitCode == 0 && !learnt.output.contains(Self.words), "\(learnt.output)")
            let still = try workspace.tandem(["train", "random.yaml", "--overwrite"], ranks: 2)
            let loss = try #require(try workspace.metrics().last?[validation ? "eval_loss" : "loss"] as? Double)
            // By the definition of perplexity, with the objective's weight taken out.
            let perplexity = exp(loss / 0.25)
            #expect(perplexity >= 509)
            let what = validation ? "held" : "the data of step 8, before its update"
            let line = Self.words + what + String(format: ": perplexity %.1f, while equal probability for all 509 tokens", perplexity)
            #expect(still.exitCode == 0 && still.output.contains(line), "\(still.output)")
            #expect(still.output.components(separatedBy: Self.words).count == 2)
        }

        @Test("evaluate says so on standard error, of chosen completions and of a teacher's data too")
        func evaluation() throws {
            let workspace = try Workspace()
            for (objective, figure) in [
                ("{type: preference, reference: sft}", "eval_nll/chosen"), ("{type: distillation, teacher: sft}", "eval_ce"),
                ("{type: language_modeling}", "eval_loss"),
            ] {
                var arguments = ["evaluate", "config.yaml", "--set", "objective=\(objective)"]
                if figure == "eval_loss" { arguments += ["--set", "references=null"] }
                let result = try workspace.tandem(arguments)
                #expect(result.exitCode == 0, "\(result.errorOutput)")
                let row = try #require(result.output.split(separator: "\n").first { $0.contains("\(figure) ") })
                let nats = try #require(Double(row.split(separator: " ").last!))
                let isChance = exp(nats) >= 509
                #expect(
                    result.errorOutput.contains("tandem: " + Self.words + "validation: perplexity ") == isChance,
                    "\(figure) \(nats): \(result.errorOutput)")
            }
        }
    }
}
