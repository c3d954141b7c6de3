import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("From pairs to an export") struct PreferencePathTests {
        /// What `objectives.md` says that a step of a preference run logs.
        static let stepKeys: Set<String> = [
            "step", "loss", "grad_norm", "learning_rate", "epoch", "tokens", "sequence_tokens", "tokens_per_second",
            "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected",
            "logits/chosen", "logits/rejected", "entropy", "mean_token_accuracy", "seconds/reference", "seconds/forward",
            "seconds/backward", "seconds/communication", "seconds/optimizer", "seconds/data",
        ]
        static let evaluationKeys: Set<String> = Set(
            [
                "loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen",
                "logps/rejected", "logits/chosen", "logits/rejected", "entropy", "mean_token_accuracy",
            ].map { "eval_" + $0 })

        /// Alone, two data ranks, two tensor ranks.
        static let layouts: [(ranks: Int?, tensor: Int)] = [(nil, 1), (2, 1), (2, 2)]

        @Test("a run leaves one object a step, its status, its configuration and its model", arguments: PreferencePathTests.layouts)
        func files(ranks: Int?, tensor: Int) throws {
            let workspace = try Workspace()
            let metrics = try workspace.train(
                ["schedule.steps=4", "evaluation.every=2", "export.every=3", "parallel.tensor=\(tensor)"], ranks: ranks)
            #expect(metrics.steps.map { $0["step"] as? Double } == [1, 2, 3, 4])
            for step in metrics.steps {
                #expect(Self.stepKeys.isSubset(of: step.keys), "missing: \(Self.stepKeys.subtracting(step.keys))")
                #expect(step.allSatisfy { $0.key == "time" || $0.value is Double })
            }
            #expect(metrics.evaluations.map { $0["step"] as? Double } == [0, 2, 4])
            for evaluation in metrics.evaluations {
                #expect(Self.evaluationKeys.isSubset(of: evaluation.keys))
                #expect(evaluation["dataset"] as? String == "validation")
            }
            let status = try workspace.json("run/status.json")
            #expect(status["state"] as? String == "finished" && status["step"] as? Int == 4)
            let provenance = try workspace.json("run/provenance.json")
            #expect((provenance["ranks"] as? [Any])?.count == ranks ?? 1)
            let names = try FileManager.default.contentsOfDirectory(atPath: workspace.file("run")).sorted()
            #expect(names == ["config.yaml", "export", "export-step-3", "lock", "metrics.jsonl", "provenance.json", "status.json"])
        }

        @Test("every number of metrics.jsonl reads back to the same bits")
        func numbers() throws {
            let workspace = try Workspace()
            try workspace.train()
            let numbers = try workspace.text("run/metrics.jsonl").matches(of: /: (-?[0-9][^,}]*)/).map { String($0.1) }
            #expect(numbers.count > 40)
            #expect(numbers.contains { $0.contains(".") && $0.count > 15 }, "figures keep all their digits")
            for number in numbers {
                let value = try #require(Double(number))
                #expect("\(value)" == number || "\(value)" == number + ".0", "\(number) has other digits than its value needs")
            }
        }

        @Test("two data ranks and two tensor ranks log the figures of one rank")
        func layoutsAgree() throws {
            let workspace = try Workspace()
            let single = try workspace.train(["schedule.steps=5"], into: "single")
            for (ranks, tensor) in Self.layouts.dropFirst() {
                let other = try workspace.train(
                    ["schedule.steps=5", "parallel.tensor=\(tensor)"], ranks: ranks, into: "other-\(tensor)")
                for name in ["loss", "grad_norm", "logps/chosen", "logps/rejected", "entropy"] {
                    for (ours, theirs) in zip(single.values(name), other.values(name)) {
                        #expect(isClose(ours, theirs, relative: name == "grad_norm" ? 1e-4 : 1e-5), "\(name), tensor \(tensor)")
                    }
                }
                for name in ["tokens", "sequence_tokens", "epoch", "learning_rate"] {
                    #expect(single.values(name) == other.values(name), "\(name), tensor \(tensor)")
                }
            }
        }

        @Test("the run's own config.yaml repeats it bit for bit", arguments: PreferencePathTests.layouts)
        func repeated(ranks: Int?, tensor: Int) throws {
            let workspace = try Workspace()
            let overrides = ["schedule.steps=3", "schedule.pairs_per_step=3", "parallel.tensor=\(tensor)", "run.seed=23"]
            let first = try workspace.train(overrides, ranks: ranks)
            let again = try workspace.train(configuration: "run/config.yaml", ranks: ranks, into: "again")
            for name in ["loss", "grad_norm", "learning_rate", "epoch", "logps/chosen"] {
                #expect(first.values(name) == again.values(name), "\(name)")
            }
            #expect(first.evaluated("loss") == again.evaluated("loss"))
            #expect(try workspace.bytes("run/export/model.safetensors") == workspace.bytes("again/export/model.safetensors"))
            let text = try workspace.text("run/config.yaml")
            #expect(try workspace.text("again/config.yaml") == text.replacingOccurrences(of: "directory: run", with: "directory: again"))
        }

        @Test("another seed deals the pairs in another order")
        func seed() throws {
            let workspace = try Workspace()
            let first = try workspace.train()
            let other = try workspace.train(["run.seed=99"], into: "other")
            #expect(first.values("loss") != other.values("loss"))
            #expect(first.evaluated("loss")[0] == other.evaluated("loss")[0], "the evaluation's order is the file's")
        }

        @Test("the loss before training is that of the scores of policy and reference")
        func lossOfScores() throws {
            let workspace = try Workspace()
            let metrics = try workspace.train()
            let policy = try workspace.score("policy")
            let reference = try workspace.score("reference")
            let margins = zip(policy, reference).map { policy, reference in
                (policy.parts[0].sum - reference.parts[0].sum) - (policy.parts[1].sum - reference.parts[1].sum)
            }
            let loss = margins.reduce(0) { $0 + softplusOfNegative(0.1 * $1) } / Double(margins.count)
            #expect(isClose(metrics.evaluated("loss")[0], loss, relative: 1e-9))
            let margin = margins.reduce(0, +) / Double(margins.count) * 0.1
            #expect(isClose(metrics.evaluated("rewards/margins")[0], margin, relative: 1e-9))
            let accuracy = Double(margins.count { $0 > 0 }) / Double(margins.count)
            #expect(metrics.evaluated("rewards/accuracies")[0] == accuracy)
            #expect(metrics.evaluated("loss").last! < loss, "training lowers the loss on what it trains on")
        }

        @Test("evaluate gives the figures of step 0, and of the last step with the export", arguments: PreferencePathTests.layouts)
        func evaluate(ranks: Int?, tensor: Int) throws {
            let workspace = try Workspace()
            let metrics = try workspace.train(["parallel.tensor=\(tensor)"], ranks: ranks)
            for (arguments, expected) in [([], metrics.evaluations[0]), (["--checkpoint", "run/export"], metrics.evaluations[1])] {
                let result = try workspace.tandem(
                    ["evaluate", "config.yaml", "--set", "parallel.tensor=\(tensor)"] + arguments, ranks: ranks)
                #expect(result.exitCode == 0, "\(result.errorOutput)")
                let lines = result.output.split(separator: "\n").map { $0.split(separator: " ") }.filter { $0.count == 2 }
                let figures = Dictionary(uniqueKeysWithValues: lines.map { (String($0[0]), Double($0[1])) })
                #expect(Self.evaluationKeys.isSubset(of: figures.keys))
                for (name, value) in figures { #expect(value == expected[name] as? Double, "\(name)") }
            }
            #expect(try workspace.snapshot().keys.filter { $0.contains("partial") }.isEmpty)
        }

        @Test("with reference: none the loss is of the policy's own log-probabilities")
        func noReference() throws {
            let workspace = try Workspace()
            let metrics = try workspace.train(["objective.reference=none", "references=null"])
            let scores = try workspace.score("policy")
            let losses = scores.map { softplusOfNegative(0.1 * ($0.parts[0].sum - $0.parts[1].sum)) }
            #expect(isClose(metrics.evaluated("loss")[0], losses.reduce(0, +) / Double(losses.count), relative: 1e-9))
            #expect(metrics.values("loss").allSatisfy { $0.isFinite })
        }
    }
}
