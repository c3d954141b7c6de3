import Foundation
import Settings
import Testing

/// A slip in the file: `written` replaces `correct` in a run that is right (or is added where that is empty).
struct Slip: Sendable, CustomTestStringConvertible {
    /// The run that is right.
    let base: String
    let correct: String
    let written: String
    let place: String
    let reason: String
    let remedy: String

    init(
        _ correct: String, _ written: String, in base: String = preferenceYAML, at place: String, _ reason: String,
        _ remedy: String
    ) {
        self.base = base
        self.correct = correct
        self.written = written
        self.place = place
        self.reason = reason
        self.remedy = remedy
    }

    var testDescription: String { written }

    var yaml: String {
        correct.isEmpty ? "\(base)\n\(written)" : base.replacing(correct, with: written)
    }

    /// Holds if the file is refused in one line that names place, reason and remedy.
    func expectRefusal() throws {
        #expect(yaml != base, "the slip must change the file")
        let failure = try #require(refusal(yaml))
        #expect(failure.place == "run.yaml: \(place)")
        #expect(failure.reason.contains(reason), "\(failure.reason)")
        #expect(failure.remedy.contains(remedy), "\(failure.remedy)")
        #expect(failure.exitCode == .configuration)
        #expect(failure.description.hasPrefix("run.yaml: "))
        #expect(!failure.description.contains("\n"))
    }
}

private let rate = "learning_rate: 5e-7"
private let objective = "{type: preference, reference: sft}"

private let unknownKeys: [Slip] = [
    Slip("learning_rate:", "learning_rat:", at: "optimizer.learning_rat", "not a key of optimizer", "learning_rate?"),
    Slip("objective:", "objectiv:", at: "objectiv", "not a key of the configuration", "Did you mean objective?"),
    Slip("", "learning_rate: 1", at: "learning_rate", "not a key", "Did you mean optimizer.learning_rate?"),
    Slip("", "schedule: {lr: 1}", at: "schedule.lr", "\"lr\" is not a key of schedule", "Its keys are steps, epochs"),
    Slip("", "schedule: {beta: 1}", at: "schedule.beta", "not a key of schedule", "Did you mean objective.beta?"),
    Slip(
        "sft: {checkpoint", "sft: {chekcpoint", at: "references.sft.chekcpoint", "not a key of references.sft",
        "Did you mean checkpoint?"),
    Slip(
        objective, "{type: language_modeling, beta: 0.1}", at: "objective.beta",
        "not a key of a language_modeling objective", "Its keys are type, weight."),
]

private let wrongTypes: [Slip] = [
    Slip(rate, "learning_rate: abc", at: "optimizer.learning_rate", "is \"abc\", not a number", "at least 0"),
    Slip(rate, "learning_rate: \"5e-7\"", at: "optimizer.learning_rate", "is \"5e-7\", not a number", "at least 0"),
    Slip(rate, "learning_rate: [1]", at: "optimizer.learning_rate", "is a list, not a number", "at least 0"),
    Slip(rate, "learning_rate: .nan", at: "optimizer.learning_rate", "is .nan, not a finite number", "at least 0"),
    Slip(rate, "learning_rate: 1e999", at: "optimizer.learning_rate", "not a finite number", "at least 0"),
    Slip(rate, "learning_rate: inf", at: "optimizer.learning_rate", "is \"inf\", not a number", "at least 0"),
    Slip("", "schedule: {steps: 1.5}", at: "schedule.steps", "is 1.5, not a whole number", "from 1 to"),
    Slip("", "schedule: {steps: 1e3}", at: "schedule.steps", "is 1e3, not a whole number", "from 1 to"),
    Slip("", "schedule: {prefix_sharing: yes}", at: "schedule.prefix_sharing", "is \"yes\"", "Write true or false."),
    Slip("", "schedule: {prefix_sharing: True}", at: "schedule.prefix_sharing", "is \"True\"", "Write true or false."),
    Slip("", "schedule: {prefix_sharing: }", at: "schedule.prefix_sharing", "has no value", "remove the key"),
    Slip("", "schedule: [1]", at: "schedule", "is a list, not a mapping", "Write its keys below it: steps"),
    Slip("directory: runs/dpo", "directory: 2024", at: "run.directory", "is 2024, not text", "in quotes"),
    Slip("directory: runs/dpo", "directory: ''", at: "run.directory", "is empty", "leave the key out"),
    Slip(rate, "\(rate), betas: [0.9]", at: "optimizer.betas", "not a list of two numbers", "[0.9, 0.999]"),
    Slip(rate, "\(rate), decay: step", at: "optimizer.decay", "\"step\"", "Use constant or linear or cosine."),
    Slip("model: {checkpoint: models/policy}", "model: {config: [1]}", at: "model.config", "is a list", "config.json"),
    Slip("sft: {checkpoint: models/sft}", "[sft]", at: "references", "is a list, not a mapping", "Write names"),
    Slip("sft: {checkpoint: models/sft}", "sft: models/sft", at: "references.sft", "not a mapping", "checkpoint"),
]

private let outOfRange: [Slip] = [
    Slip(rate, "learning_rate: -1", at: "optimizer.learning_rate", "is -1, out of range", "at least 0"),
    Slip(rate, "\(rate), betas: [0.9, 1]", at: "optimizer.betas", "is 1, out of range", "below 1"),
    Slip(rate, "\(rate), epsilon: 0", at: "optimizer.epsilon", "is 0, out of range", "greater than 0"),
    Slip(rate, "\(rate), weight_decay: -1", at: "optimizer.weight_decay", "is -1, out of range", "at least 0"),
    Slip(rate, "\(rate), warmup_fraction: 1.1", at: "optimizer.warmup_fraction", "is 1.1", "from 0 to 1"),
    Slip(rate, "\(rate), clip_norm: 0", at: "optimizer.clip_norm", "is 0, out of range", "greater than 0"),
    Slip(rate, "\(rate), non_finite: ignore", at: "optimizer.non_finite", "\"ignore\"", "Use stop or skip."),
    Slip(rate, "\(rate), skip_limit: 0", at: "optimizer.skip_limit", "is 0, out of range", "from 1 to"),
    Slip(rate, "\(rate), spike_z_score: 0", at: "optimizer.spike_z_score", "is 0, out of range", "greater than 0"),
    Slip(rate, "\(rate), spike_window: 1", at: "optimizer.spike_window", "is 1, out of range", "from 2 to"),
    Slip("runs/dpo}", "runs/dpo, checkpoint_minutes: 0}", at: "run.checkpoint_minutes", "is 0, out of range", "greater than 0"),
    Slip("runs/dpo}", "runs/dpo, time_limit: 0}", at: "run.time_limit", "is 0, out of range", "greater than 0"),
    Slip("runs/dpo}", "runs/dpo, time_limit: 0s}", at: "run.time_limit", "is 0s, out of range", "3h30m"),
    Slip("runs/dpo}", "runs/dpo, time_limit: 90:00}", at: "run.time_limit", "\"90:00\", not a span of time", "03:30:00"),
    Slip("runs/dpo}", "runs/dpo, time_limit: 1:75:00}", at: "run.time_limit", "not a span of time", "1-12:00:00"),
    Slip("runs/dpo}", "runs/dpo, time_limit: 5 hours}", at: "run.time_limit", "not a span of time", "Write seconds"),
    Slip("runs/dpo}", "runs/dpo, time_limit: 30m2h}", at: "run.time_limit", "not a span of time", "Write seconds"),
    Slip("runs/dpo}", "runs/dpo, time_limit: [5]}", at: "run.time_limit", "is a list, not a span of time", "Write seconds"),
    Slip(objective, "{type: preference, reference: sft, beta: 0}", at: "objective.beta", "is 0", "greater than 0"),
    Slip(
        objective, "{type: preference, reference: sft, label_smoothing: 0.5}", at: "objective.label_smoothing",
        "is 0.5, out of range", "below 0.5"),
    Slip(objective, "{type: preference, reference: sft, weight: 0}", at: "objective.weight", "is 0", "greater than 0"),
    Slip("", "parallel: {tensor: 0}", at: "parallel.tensor", "is 0, out of range", "from 1 to"),
    Slip("", "parallel: {data: 0}", at: "parallel.data", "is 0, out of range", "from 1 to"),
    Slip("", "schedule: {epochs: 0}", at: "schedule.epochs", "is 0, out of range", "from 1 to"),
    Slip("", "schedule: {pairs_per_step: 99999999999}", at: "schedule.pairs_per_step", "out of range", "2147483647"),
    Slip("", "schedule: {tokens_per_micro_batch: 0}", at: "schedule.tokens_per_micro_batch", "is 0", "from 1 to"),
    Slip("", "export: {every: 0}", at: "export.every", "is 0, out of range", "from 1 to"),
    Slip("directory: runs/dpo", "directory: runs/dpo, seed: -1", at: "run.seed", "is -1", "18446744073709551615"),
    Slip("directory: runs/dpo", "directory: runs/dpo, threads: 0", at: "run.threads", "is 0", "from 1 to"),
]

private let impossible: [Slip] = [
    Slip("learning_rate: 5e-7", "epsilon: 1e-8", at: "optimizer.learning_rate", "is missing", "such as 5e-7"),
    Slip("optimizer: {learning_rate: 5e-7}", "", at: "optimizer.learning_rate", "is missing", "such as 5e-7"),
    Slip("run: {directory: runs/dpo}", "", at: "run.directory", "is missing", "runs/dpo"),
    Slip("model: {checkpoint: models/policy}", "", at: "model.checkpoint", "is missing", "model.config"),
    Slip("objective: \(objective)", "", at: "objective", "is missing", "language_modeling"),
    Slip(objective, "{reference: sft}", at: "objective.type", "is missing", "preference"),
    Slip(
        "{checkpoint: models/policy}", "{checkpoint: models/policy, config: a.json}", at: "model.config",
        "beside model.checkpoint", "Keep one"),
    Slip(
        "sft: {checkpoint: models/sft}", "sft: {storage: file}", at: "references.sft.checkpoint", "is missing",
        "Hugging Face"),
    Slip(objective, "{type: preference}", at: "objective.reference", "is missing", "or write none"),
    Slip(
        objective, "{type: preference, reference: stf}", at: "objective.reference", "no model of that name",
        "It has sft."),
    Slip(
        objective, "{type: preference, reference: none}", at: "references.sft", "is used by no objective",
        "or remove it"),
    Slip(objective, "{type: language_modeling}", at: "references.sft", "is used by no objective", "or remove it"),
    Slip("sft: {", "none: {", at: "references.none", "has no reference", "another name"),
    Slip("sft: {", "s.f.t: {", at: "references.s.f.t", "not a usable name", "letters, digits"),
    Slip("", "schedule: {steps: 1, epochs: 1}", at: "schedule.steps", "beside schedule.epochs", "Keep one"),
    Slip(
        "", "schedule: {tokens_per_step: 9}", at: "schedule.tokens_per_step", "counts pairs",
        "Use schedule.pairs_per_step"),
    Slip(
        "", "schedule: {pairs_per_step: 9, tokens_per_step: 9}", at: "schedule.tokens_per_step", "counts pairs",
        "Use schedule.pairs_per_step"),
    Slip(
        "", "schedule: {pairs_per_step: 9, tokens_per_step: 9}", in: languageModelingYAML,
        at: "schedule.tokens_per_step", "is given beside schedule.pairs_per_step", "Keep one: pairs_per_step"),
    Slip(
        "", "schedule: {pairs_per_step: 9, tokens_per_step: 9}", in: distillationYAML,
        at: "schedule.tokens_per_step", "is given beside schedule.pairs_per_step", "tokens_per_step for texts."),
    Slip(
        "{type: language_modeling}",
        "[{type: language_modeling}, {type: preference, reference: none}]\nschedule: {tokens_per_step: 9}",
        in: languageModelingYAML, at: "schedule.tokens_per_step", "a preference objective counts pairs",
        "Use schedule.pairs_per_step"),
    Slip(objective, "[]", at: "objective", "is an empty list", "{type: distillation, teacher: NAME}"),
    Slip(objective, "[\(objective), 3]", at: "objective.1", "is 3, not a mapping", "type, weight"),
    Slip(objective, "[\(objective), null]", at: "objective.1.type", "is missing", "or distillation."),
    Slip(objective, "{type: kto}", at: "objective.type", "is \"kto\"", "Use language_modeling or preference or"),
    Slip(
        objective, "[\(objective), {type: language_modeling}, \(objective)]", at: "objective.2",
        "is a second preference objective, beside objective.0,", "Keep one of them."),
    Slip(
        objective, "[{type: language_modeling}, {type: language_modeling}]", at: "references.sft",
        "is used by no objective", "as the reference or a teacher of an objective"),
    Slip(
        ", validation: data/validation.h5}", "}\nevaluation: {every: 5}", at: "evaluation.every",
        "data.validation names no file", "Add data.validation"),
    Slip("train: data/train.h5", "train: []", at: "data.train", "is an empty list", "Name one file."),
    Slip("train: data/train.h5", "train: [{weight: 1}]", at: "data.train.0.path", "is missing", "Name the dataset"),
    Slip("validation: data/validation.h5", "validation: {a: }", at: "data.validation.a", "is missing", "Name the"),
]

private let notYet: [Slip] = [
    Slip("models/sft}", "models/sft, ranks: []}", at: "references.sft.ranks", "is an empty list", "counted from 0"),
    Slip("models/sft}", "models/sft, ranks: [1, 1]}", at: "references.sft.ranks.1", "names rank 1 a second time", "once"),
    Slip("models/sft}", "models/sft, ranks: [-1]}", at: "references.sft.ranks.0", "is -1, out of range", "0"),
    Slip("models/sft}", "models/sft, ranks: 2}", at: "references.sft.ranks", "not a list", "[0, 1]"),
    Slip("models/sft}", "models/sft, layout: other}", at: "references.sft.layout", "is \"other\", not a layout", "same"),
    Slip("models/sft}", "models/sft, layout: {tensor: 0}}", at: "references.sft.layout.tensor", "out of range", "1"),
    Slip(
        "models/sft}", "models/sft, layout: {pipeline: 2}}", at: "references.sft.layout.pipeline", "only 1 is supported",
        "Leave it out"),
    Slip("models/sft}", "models/sft, layout: {model: 2}}", at: "references.sft.layout.model", "is not a key", "tensor"),
    Slip("models/sft}", "models/sft, cache: values.h5}", at: "references.sft.cache", "\"values.h5\"", "Use off or memory"),
    Slip("", "parallel: {pipeline: 2}", at: "parallel.pipeline", "is 2; only 1 is supported", "set it to 1"),
    Slip("", "parallel: {zero: 2}", at: "parallel.zero", "is 2, not a supported value", "Use 0 or 1"),
    Slip("", "parallel: {zero: true}", at: "parallel.zero", "is true, not a supported value", "Use 0 or 1"),
    Slip("", "schedule: {recompute: all}", at: "schedule.recompute", "\"all\"", "Use none or attention or block."),
    Slip(rate, "\(rate), type: lion", at: "optimizer.type", "\"lion\"", "Use adamw."),
    Slip(objective, "{type: preference, reference: sft, loss: ipo}", at: "objective.loss", "\"ipo\"", "Use sigmoid."),
    Slip("train: data/train.h5", "train: [{path: a}, {path: b}]", at: "data.train", "several files", "Name one file."),
    Slip("runs/dpo}", "runs/dpo, checkpoint_every: 0}", at: "run.checkpoint_every", "0", "1"),
    Slip("runs/dpo}", "runs/dpo, keep_last: 0}", at: "run.keep_last", "0", "1"),
    Slip("runs/dpo}", "runs/dpo, collective_timeout: 0}", at: "run.collective_timeout", "is 0, out of range", "greater than 0"),
    Slip("runs/dpo}", "runs/dpo, step_timeout: -1}", at: "run.step_timeout", "is -1, out of range", "greater than 0"),
    Slip("runs/dpo}", "runs/dpo, check_collectives: 1}", at: "run.check_collectives", "is 1, not true or false", "true or false"),
    Slip("runs/dpo}", "runs/dpo, keep_every: 0}", at: "run.keep_every", "0", "1"),
    Slip("runs/dpo}", "runs/dpo, allow_changes: data.train}", at: "run.allow_changes", "\"data.train\", not a list", "[optimizer.learning_rate"),
    Slip("runs/dpo}", "runs/dpo, allow_changes: [[data.train]]}", at: "run.allow_changes", "holds a list", "key paths"),
    Slip("runs/dpo}", "runs/dpo, allow_changes: [learning_rate]}", at: "run.allow_changes", "begins with no section", "key paths"),
    Slip("runs/dpo}", "runs/dpo, allow_changes: [data.tran]}", at: "run.allow_changes", "data has no key \"tran\"", "train?"),
]

@Suite("A bad configuration is refused in one line")
struct BadConfigurationTests {
    @Test(
        "a slip in the file is refused by key path, with reason and remedy",
        arguments: unknownKeys + wrongTypes + outOfRange + impossible + notYet)
    func slip(_ slip: Slip) throws {
        try slip.expectRefusal()
    }

    @Test(
        "what is not YAML is refused with its line",
        arguments: [
            ("run: {directory: a\nmodel: b", 2, "is not YAML"),
            ("run:\n  directory: a\n seed: 3", 3, "is not YAML"),
            ("run:\n  seed: 3\n  seed: 4", 2, "gives the key \"seed\" twice"),
            ("a: 1\n---\nb: 2", 2, "another document"),
            ("a: *nowhere", 1, "undefined alias"),
            ("a: 1\nb: \u{1}", 2, "is not YAML"),
            ("a: 1\nb: !!binary abc", 2, "has the tag tag:yaml.org,2002:binary"),
            ("a: 1\n[1, 2]: 3", 2, "a key that is not text"),
            ("a: 1\nb: {<<: 3}", 2, "merges something that is not a mapping"),
        ])
    func malformed(yaml: String, line: Int, reason: String) throws {
        let failure = try #require(refusal(yaml))
        #expect(failure.place == "run.yaml: line \(line)")
        #expect(failure.reason.contains(reason), "\(failure.reason)")
        #expect(failure.exitCode == .configuration)
    }

    @Test(
        "a file without sections is refused",
        arguments: [("", "is empty"), ("# nothing", "is empty"), ("[1]", "a list"), ("null", "null")])
    func noSections(yaml: String, reason: String) throws {
        let failure = try #require(refusal(yaml))
        #expect(failure.place == "run.yaml")
        #expect(failure.reason.contains(reason))
    }

    @Test("aliases that multiply without bound are refused before they fill the memory", .timeLimit(.minutes(1)))
    func aliasExpansion() throws {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            yaml += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let failure = try #require(refusal(yaml))
        #expect(failure.reason.contains("120 aliases"))
    }

    @Test(
        "few aliases can't multiply either, in values, keys or merged mappings", .timeLimit(.minutes(1)),
        arguments: [("[x, x]", "[#]"), ("{x: y}", "{? [#] : 1}"), ("{}", "{<<: [#]}")])
    func fewAliases(first: String, pattern: String) throws {
        var yaml = "a0: &a0 \(first)\n"
        for level in 1...10 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 3).joined(separator: ", ")
            yaml += "a\(level): &a\(level) \(pattern.replacing("#", with: aliases))\n"
        }
        #expect(refusal(yaml) != nil)
    }

    @Test("what a file has in it can't write to the terminal, nor fill it")
    func controlCharacters() throws {
        let escape = try #require(refusal("\"\\e[2Jmodel\": 1"))
        #expect(escape.description.contains("\\u{1b}[2Jmodel") && !escape.description.contains("\u{1b}"))
        let endless = try #require(refusal(String(repeating: "k", count: 100_000) + ": 1"))
        #expect(endless.description.utf8.count < 10_000)
    }

    @Test("a configuration larger than any, and one that is a pipe, are refused unread", .timeLimit(.minutes(1)))
    func oddFiles() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("settings-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("run.yaml").path
        try #require(mkfifo(path, 0o600) == 0)
        let pipe = #expect(throws: Failure.self) { try RunConfiguration.load(path: path) }
        #expect(pipe?.exitCode == .damagedData && pipe?.reason.contains("regular file") == true)
        unlink(path)
        try Data(count: 2 << 20).write(to: URL(fileURLWithPath: path))
        let huge = #expect(throws: Failure.self) { try RunConfiguration.load(path: path) }
        #expect(huge?.exitCode == .damagedData && huge?.reason.contains("plausible") == true)
    }

    @Test("a missing file, a folder and bytes that are not text are told apart")
    func unreadable() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("settings-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let binary = folder.appendingPathComponent("binary.yaml")
        try Data([0x61, 0xFF, 0xFE]).write(to: binary)
        let absent = folder.appendingPathComponent("absent.yaml").path

        let missing = #expect(throws: Failure.self) { try RunConfiguration.load(path: absent) }
        #expect(missing?.place == absent)
        #expect(missing?.exitCode == .missingInput)
        let directory = #expect(throws: Failure.self) { try RunConfiguration.load(path: folder.path) }
        #expect(directory?.reason == "is a folder, not a configuration file")
        #expect(directory?.exitCode == .missingInput)
        let damaged = #expect(throws: Failure.self) { try RunConfiguration.load(path: binary.path) }
        #expect(damaged?.reason == "is not UTF-8 text")
        #expect(damaged?.exitCode == .configuration)
    }
}
