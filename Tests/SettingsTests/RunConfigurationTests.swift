import Foundation
import Settings
import Testing

@Suite("A configuration that is read")
struct RunConfigurationTests {
    @Test("the smallest preference run gets every default")
    func preferenceDefaults() throws {
        let configuration = try read()
        #expect(configuration.file == "run.yaml")
        #expect(configuration.model == .checkpoint("models/policy"))
        #expect(
            configuration.references == [ReferenceSettings(name: "sft", checkpoint: "models/sft", storage: .file)])
        #expect(configuration.data.train == "data/train.h5")
        #expect(configuration.data.validation == [NamedFile(name: "validation", path: "data/validation.h5")])
        #expect(configuration.data.shuffle)
        #expect(configuration.objectives.count == 1)
        #expect(configuration.objectives[0].weight == 1)
        guard case .preference(let preference) = configuration.objectives[0].kind else {
            Issue.record("the objective is not a preference objective")
            return
        }
        #expect(preference.loss == .sigmoid)
        #expect(preference.beta == 0.1)
        #expect(preference.labelSmoothing == 0)
        #expect(preference.reference == .named("sft"))
        #expect(configuration.parallel.data == nil)
        #expect(configuration.parallel.tensor == 1)
        #expect(configuration.schedule.length == .epochs(1))
        #expect(configuration.schedule.batch == .pairs(32))
        #expect(configuration.schedule.tokensPerMicroBatch == 4096)
        #expect(configuration.schedule.prefixSharing)
        #expect(configuration.evaluation.every == nil)
        #expect(configuration.evaluation.atStart)
        #expect(configuration.export.every == nil)
        #expect(configuration.export.dtype == .float32)
        #expect(configuration.run == RunSettings(directory: "runs/dpo", seed: 17, threads: nil))
    }

    @Test("a file with a byte order mark, as some editors write it, is read like one without")
    func mark() throws {
        let path = NSTemporaryDirectory() + "tandem-mark-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try (Data([0xEF, 0xBB, 0xBF]) + Data(preferenceYAML.utf8)).write(to: URL(fileURLWithPath: path))
        #expect(try RunConfiguration.load(path: path).resolvedYAML() == read().resolvedYAML())
        // Only the first one is a mark.
        try Data([0xEF, 0xBB, 0xBF, 0xEF, 0xBB, 0xBF, 0x61]).write(to: URL(fileURLWithPath: path))
        #expect(throws: Failure.self) { try RunConfiguration.load(path: path) }
    }

    @Test("the optimizer's defaults are AdamW's, without warm-up or decay, clipping at 1")
    func optimizerDefaults() throws {
        let optimizer = try read().optimizer
        #expect(optimizer.learningRate == 5e-7)
        #expect(optimizer.firstBeta == 0.9)
        #expect(optimizer.secondBeta == 0.999)
        #expect(optimizer.epsilon == 1e-8)
        #expect(optimizer.weightDecay == 0)
        #expect(optimizer.warmupFraction == 0)
        #expect(optimizer.decay == .constant)
        #expect(optimizer.clipNorm == 1)
    }

    @Test("a language-modelling run has no reference, and its steps are left to the dataset")
    func languageModelingDefaults() throws {
        let configuration = try read(languageModelingYAML)
        #expect(configuration.model == .random(.file("models/tiny.json")))
        #expect(configuration.references.isEmpty)
        #expect(configuration.data.validation.isEmpty)
        #expect(configuration.objectives == [ObjectiveSettings(kind: .languageModeling)])
        #expect(configuration.schedule.batch == nil)
    }

    @Test(
        "without a preference objective a step may count pairs or tokens",
        arguments: [
            ("{}", nil), ("{pairs_per_step: 4}", .pairs(4)), ("{tokens_per_step: 5}", .tokens(5)),
            ("{pairs_per_step: null, tokens_per_step: 5}", .tokens(5)),
            ("{pairs_per_step: null, tokens_per_step: null}", nil),
        ] as [(String, StepBatch?)])
    func batches(schedule: String, batch: StepBatch?) throws {
        for yaml in [languageModelingYAML, distillationYAML] {
            #expect(try read("\(yaml)\nschedule: \(schedule)").schedule.batch == batch)
        }
    }

    @Test("a step that the dataset decides holds 32 pairs, or 16384 tokens")
    func defaultBatches() {
        #expect(StepBatch.defaultPairs == .pairs(32))
        #expect(StepBatch.defaultTokens == .tokens(16384))
    }

    @Test(
        "numbers are read as YAML 1.2 writes them",
        arguments: [("5e-7", 5e-7), ("1E-8", 1e-8), (".5", 0.5), ("+2.", 2), ("0", 0)])
    func numbers(written: String, value: Double) throws {
        #expect(try read(overrides: "optimizer.learning_rate=\(written)").optimizer.learningRate == value)
    }

    @Test("clip_norm null turns clipping off, and learning_rate 0 is allowed")
    func edges() throws {
        let optimizer = try read(overrides: "optimizer.clip_norm=null", "optimizer.learning_rate=0").optimizer
        #expect(optimizer.clipNorm == nil)
        #expect(optimizer.learningRate == 0)
    }

    @Test("a seed may be any number of 64 bits")
    func largestSeed() throws {
        #expect(try read(overrides: "run.seed=18446744073709551615").run.seed == .max)
    }

    @Test("values that say what happens anyway are accepted for keys of things to come")
    func supportedPlaceholders() throws {
        let yaml = preferenceYAML.replacing("models/sft}", with: "models/sft, layout: same, cache: off, ranks: null}")
        let rest = "parallel: {pipeline: 1, zero: 0}\nschedule: {recompute: none}"
        #expect(try read("\(yaml)\n\(rest)") == read())
    }

    @Test("what is computed twice decides nothing: a run may be resumed with another value", arguments: Recomputation.allCases)
    func recomputation(_ recompute: Recomputation) throws {
        let configuration = try read(overrides: "schedule.recompute=\(recompute.rawValue)")
        #expect(configuration.schedule.recompute == recompute)
        #expect(try configuration.decisiveYAML == read().decisiveYAML)
        #expect(try read(configuration.resolvedYAML()) == configuration)
    }

    @Test("what becomes of wrong steps decides nothing: a run that was stopped may go on with another value")
    func stepGuard() throws {
        let configuration = try read(
            overrides: "optimizer.non_finite=skip", "optimizer.skip_limit=9", "optimizer.spike_z_score=4.5",
            "optimizer.spike_window=7")
        #expect(
            configuration.optimizer.stepGuard
                == StepGuardSettings(nonFinite: .skip, spikeZScore: 4.5, spikeWindow: 7, skipLimit: 9))
        #expect(try configuration.decisiveYAML == read().decisiveYAML)
        #expect(try read(configuration.resolvedYAML()) == configuration)
    }

    @Test(
        "a time limit is seconds, units, or digits as Slurm writes them",
        arguments: [
            ("90", 90.0), ("0.5", 0.5), ("3h30m", 12_600), ("90s", 90), ("1d", 86_400), ("1d2h3m4s", 93_784), ("120m", 7200),
            ("12:00:00", 43_200), ("00:00:05", 5), ("100:00:00", 360_000), ("1-12:00:00", 129_600),
        ])
    func timeLimit(written: String, seconds: Double) throws {
        let configuration = try read(overrides: "run.time_limit=\(written)")
        #expect(configuration.run.timeLimit == seconds)
        #expect(try read(configuration.resolvedYAML()) == configuration)
    }

    @Test("a list of one objective, and of one training file, reads as the thing itself")
    func listsOfOne() throws {
        let yaml =
            preferenceYAML
            .replacing("{type: preference, reference: sft}", with: "[{type: preference, reference: sft}]")
            .replacing("train: data/train.h5", with: "train: [{path: data/train.h5, weight: 2}]")
        #expect(yaml != preferenceYAML)
        #expect(try read(yaml) == read())
    }

    @Test("validation files keep their names and order")
    func namedValidation() throws {
        let yaml = preferenceYAML.replacing("validation: data/validation.h5", with: "validation: {long: b.h5, a: a.h5}")
        #expect(
            try read(yaml).data.validation
                == [NamedFile(name: "long", path: "b.h5"), NamedFile(name: "a", path: "a.h5")])
    }

    @Test("an inline model configuration becomes JSON with its types kept")
    func inlineModel() throws {
        let yaml = languageModelingYAML.replacing(
            "{config: models/tiny.json}",
            with: """

                  config:
                    model_type: llama
                    hidden_size: 64
                    rms_norm_eps: 1e-5
                    rope_theta: 10000.0
                    tie_word_embeddings: true
                    bos_token_id:
                    eos_token_id: [2, "3"]
                    rope_parameters: {rope_type: "default \\"x\\""}
                """)
        let json = """
            {"model_type": "llama", "hidden_size": 64, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, \
            "tie_word_embeddings": true, "bos_token_id": null, "eos_token_id": [2, "3"], \
            "rope_parameters": {"rope_type": "default \\"x\\""}}
            """
        #expect(try read(yaml).model == .random(.inline(json: json)))
    }

    @Test("anchors and merge keys are expanded, a mapping's own keys before merged ones")
    func anchors() throws {
        let yaml =
            preferenceYAML
            .replacing("{checkpoint: models/policy}", with: "&base {checkpoint: models/policy}")
            .replacing("sft: {checkpoint: models/sft}", with: "sft: {<<: *base, storage: bfloat16}")
        #expect(
            try read(yaml).references
                == [ReferenceSettings(name: "sft", checkpoint: "models/policy", storage: .bfloat16)])
        let own = yaml.replacing("<<: *base", with: "<<: *base, checkpoint: models/own")
        #expect(try read(own).references[0].checkpoint == "models/own")
    }

    @Test("a run without a training file can be read, and says so when it is to train")
    func noTrainingFile() throws {
        let configuration = try read(overrides: "data.train=null")
        let failure = #expect(throws: Failure.self) { try configuration.trainFile() }
        #expect(failure?.place == "run.yaml: data.train")
        #expect(failure?.exitCode == .configuration)
        #expect(try read().trainFile() == "data/train.h5")
    }
}
