import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Configurations and command lines that can't be used") struct ConfigurationRefusalTests {
        private static func set(_ overrides: String...) -> [String] {
            ["train", "config.yaml"] + overrides.flatMap { ["--set", $0] }
        }

        static let keys = [
            Refusal(
                "an unknown key", exit: Exit.configuration, says: ["schedule.step: ", "Did you mean steps"],
                arguments: set("schedule.step=3")),
            Refusal(
                "an unknown section", exit: Exit.configuration, says: ["\"shedule\"", "Did you mean schedule"],
                arguments: set("shedule.steps=3")),
            Refusal(
                "more threads than any rank has cores", exit: Exit.configuration, says: ["run.threads", "4096"],
                arguments: set("run.threads=100000")),
            Refusal(
                "a wrong type", exit: Exit.configuration, says: ["schedule.steps", "many"],
                arguments: set("schedule.steps=many")),
            Refusal(
                "a value out of range", exit: Exit.configuration, says: ["optimizer.learning_rate"],
                arguments: set("optimizer.learning_rate=-1")),
            Refusal(
                "a missing model", exit: Exit.configuration, says: ["model.checkpoint", "missing", "Name a Hugging Face folder"],
                arguments: set("model.checkpoint=null")),
            Refusal(
                "a missing learning rate", exit: Exit.configuration, says: ["optimizer.learning_rate", "missing"],
                arguments: set("optimizer.learning_rate=null")),
            Refusal(
                "no dataset to train on", exit: Exit.configuration, says: ["data.train", "tandem prepare"],
                arguments: set("data.train=null")),
            Refusal(
                "a reference without a checkpoint", exit: Exit.configuration, says: ["references.sft.checkpoint", "missing"],
                arguments: set("references.sft.checkpoint=null")),
            Refusal(
                "a reference of no name", exit: Exit.configuration, says: ["objective.reference", "other", "sft"],
                arguments: set("objective.reference=other")),
            Refusal(
                "a preference objective that is silent on its reference", exit: Exit.configuration, says: ["objective.reference", "none"],
                arguments: set("objective.reference=null")),
            Refusal(
                "a teacher with a cache", exit: Exit.configuration,
                says: ["references.sft.cache", "only log-probabilities", "Set it to off"],
                arguments: set("references.sft.cache=memory", "objective={type: distillation, teacher: sft}")),
            Refusal(
                "a cache in a file", exit: Exit.configuration, says: ["references.sft.cache", "\"cache.h5\"", "off or memory"],
                arguments: set("references.sft.cache=cache.h5")),
            Refusal(
                "a loss that does not exist", exit: Exit.configuration, says: ["objective.loss", "sigmoid"],
                arguments: set("objective.loss=sigmoyd")),
            Refusal(
                "an evaluation without data", exit: Exit.configuration, says: ["data.validation"],
                arguments: ["evaluate", "config.yaml", "--set", "data.validation=null"]),
            Refusal(
                "an unknown key in the file", exit: Exit.configuration, says: ["config.yaml", "schedule.step", "Did you mean"]
            ) {
                try $0.folder.write(Workspace.configuration.replacingOccurrences(of: "steps: 2", with: "step: 2"), to: "config.yaml")
            },
            Refusal("a configuration that is no YAML", exit: Exit.configuration, says: ["config.yaml"]) {
                try $0.folder.write("model: {checkpoint: policy\ndata: [", to: "config.yaml")
            },
            Refusal(
                "an empty configuration", exit: Exit.configuration, says: ["config.yaml", "empty"]
            ) { try $0.folder.write("", to: "config.yaml") },
            Refusal("a configuration in Latin-1", exit: Exit.configuration, says: ["config.yaml", "UTF-8"]) {
                try $0.write(Data("model: {checkpoint: caf".utf8) + [0xE9] + Data("}\n".utf8), to: "config.yaml")
            },
            Refusal(
                "a dataset in place of a configuration", exit: Exit.configuration, says: ["pairs.h5", "UTF-8"],
                arguments: ["train", "pairs.h5"]),
            Refusal(
                "a folder in place of a configuration", exit: Exit.missingInput, says: ["policy", "folder", "YAML"],
                arguments: ["train", "policy"]),
            Refusal(
                "a missing configuration", exit: Exit.missingInput, says: ["absent.yaml", "Check the path"],
                arguments: ["train", "absent.yaml"]),
            Refusal(
                "an evaluation's missing configuration", exit: Exit.missingInput, says: ["absent.yaml"],
                arguments: ["evaluate", "absent.yaml"]),
        ]

        static let commandLines = [
            Refusal(
                "an override without a value", exit: Exit.usage, says: ["--set schedule.steps", "key.path=value"],
                arguments: set("schedule.steps")),
            Refusal(
                "an unknown option", exit: Exit.usage, says: ["--overwrit", "--help"],
                arguments: ["train", "config.yaml", "--overwrit"]),
            Refusal(
                "an unknown command", exit: Exit.usage, says: ["trian", "--help"],
                arguments: ["trian", "config.yaml"]),
            Refusal("no configuration at all", exit: Exit.usage, says: ["config", "--help"], arguments: ["train"]),
            Refusal(
                "a tensor size that is none", exit: Exit.usage, says: ["--tensor"],
                arguments: ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl", "--tensor", "0"]),
        ]

        @Test("a wrong key or value is told in one line on every layout", arguments: ConfigurationRefusalTests.keys)
        func wrongKey(_ refusal: Refusal) throws { try refusal.check(in: Workspace()) }

        @Test("a wrong command line is told in one line on every layout", arguments: ConfigurationRefusalTests.commandLines)
        func wrongCommandLine(_ refusal: Refusal) throws { try refusal.check(in: Workspace()) }

        /// A layout and how many ranks are started for it (nil: alone).
        struct WrongLayout: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let ranks: Int?
            let arguments: [String]
            let words: [String]
        }

        static let layouts = [
            WrongLayout(
                testDescription: "more tensor ranks than key/value groups", ranks: 4, arguments: set("parallel.tensor=4"),
                words: ["parallel.tensor", "4", "3 key/value", "policy", "Use at most 3"]),
            WrongLayout(
                testDescription: "tensor 2 on one rank", ranks: nil, arguments: set("parallel.tensor=2"),
                words: ["parallel.tensor", "1 rank", "mpirun -n 2"]),
            WrongLayout(
                testDescription: "data 2 × tensor 2 on two ranks", ranks: 2, arguments: set("parallel.tensor=2", "parallel.data=2"),
                words: ["parallel.data", "2 ranks", "mpirun -n 4"]),
            WrongLayout(
                testDescription: "data 1 on two ranks", ranks: 2, arguments: set("parallel.data=1"),
                words: ["parallel.data", "2 ranks"]),
            WrongLayout(
                testDescription: "a pipeline, which is not there yet", ranks: 2, arguments: set("parallel.pipeline=2"),
                words: ["parallel.pipeline"]),
            WrongLayout(
                testDescription: "optimizer state shared out by one data rank", ranks: nil, arguments: set("parallel.zero=1"),
                words: ["parallel.zero", "data 1 × tensor 1", "mpirun -n 2"]),
            WrongLayout(
                testDescription: "the same beside two tensor ranks", ranks: 2,
                arguments: set("parallel.zero=1", "parallel.tensor=2"),
                words: ["parallel.zero", "data 1 × tensor 2", "mpirun -n 4"]),
            WrongLayout(
                testDescription: "a stage of ZeRO that is not there", ranks: 2, arguments: set("parallel.zero=2"),
                words: ["parallel.zero", "is 2", "Use 0 or 1"]),
            WrongLayout(
                testDescription: "score with tensor ranks that don't divide the job's", ranks: 3,
                arguments: ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl", "--tensor", "2"],
                words: ["--tensor 2", "3 ranks", "mpirun -n"]),
            WrongLayout(
                testDescription: "score with more tensor ranks than key/value groups", ranks: 4,
                arguments: ["score", "--checkpoint", "policy", "--data", "pairs.h5", "--output", "scores.jsonl", "--tensor", "4"],
                words: ["--tensor", "3 key/value", "policy"]),
        ]

        @Test("a layout that can't be is refused in one line with one that can", arguments: ConfigurationRefusalTests.layouts)
        func wrongLayout(_ layout: WrongLayout) throws {
            let refusal = Refusal(
                layout.testDescription, exit: Exit.configuration, says: layout.words, arguments: layout.arguments)
            try refusal.check(in: Workspace(), ranks: [layout.ranks])
        }

        @Test("help and version end well and speak once", arguments: [nil, 2])
        func help(ranks: Int?) throws {
            let workspace = try Workspace()
            let version = try workspace.tandem(["--version"], ranks: ranks)
            #expect(version.exitCode == 0 && version.output.components(separatedBy: "tandem ").count == 2)
            let help = try workspace.tandem(["train", "--help"], ranks: ranks)
            #expect(help.exitCode == 0)
            #expect(help.output.components(separatedBy: "USAGE:").count == 2)
        }
    }
}
