import Settings
import Testing

@Suite("--set")
struct OverrideTests {
    @Test("an override replaces one value and leaves the rest")
    func replaces() throws {
        var expected = try read()
        expected.optimizer.learningRate = 1e-6
        #expect(try read(overrides: "optimizer.learning_rate=1e-6") == expected)
    }

    @Test("an override reaches sections that the file lacks")
    func addsSections() throws {
        #expect(try read(overrides: "schedule.steps=7").schedule.length == .steps(7))
    }

    @Test("the last override of a key counts")
    func order() throws {
        #expect(try read(overrides: "run.seed=1", "run.seed=2").run.seed == 2)
    }

    @Test("an override takes any YAML, an equals sign included")
    func values() throws {
        let configuration = try read(overrides: "data.validation={a: x=1.h5}", "references.sft.storage=float32")
        #expect(configuration.data.validation == [NamedFile(name: "a", path: "x=1.h5")])
        #expect(configuration.references[0].storage == .float32)
    }

    @Test("null takes back what the file says")
    func takesBack() throws {
        let yaml = "\(preferenceYAML)\nschedule: {epochs: 2}"
        #expect(
            try read(yaml, overrides: "schedule.epochs=null", "schedule.steps=5").schedule.length == .steps(5))
    }

    @Test("a number in the path picks an entry of a list")
    func lists() throws {
        let objective = "{type: preference, reference: sft}"
        let yaml = preferenceYAML.replacing(objective, with: "[\(objective)]")
        guard case .preference(let settings) = try read(yaml, overrides: "objective.0.beta=0.5").objectives[0].kind
        else {
            Issue.record("the objective is not a preference objective")
            return
        }
        #expect(settings.beta == 0.5)
        let failure = try #require(refusal(yaml, overrides: ["objective.1.beta=0.5"]))
        #expect(failure.place == "--set objective.1.beta")
        #expect(failure.reason == "\"1\" picks no entry of a list of 1")
    }

    @Test(
        "a bad override is refused by its own name",
        arguments: [
            ("optimizer.learning_rate=abc", "--set optimizer.learning_rate", "not a number", ExitCode.configuration),
            ("optimizer.learning_rat=1", "--set optimizer.learning_rat", "not a key of optimizer", .configuration),
            ("optimzer.learning_rate=1", "--set optimzer.learning_rate", "\"optimzer\" is not a key", .configuration),
            ("objective.reference=x", "--set objective.reference", "no model of that name", .configuration),
            (
                "objective={type: preference, reference: sft, beta: -1}", "--set objective: objective.beta", "-1",
                .configuration
            ),
            (
                "references.other.checkpoint=x", "--set references.other.checkpoint", "used by no objective",
                .configuration
            ),
            ("run.directory.x=1", "--set run.directory.x", "can't be a key of \"runs/dpo\"", .configuration),
            ("run.seed={", "--set run.seed", "is not YAML", .configuration),
            ("run.seed", "--set run.seed", "is not key.path=value", .usage),
            ("=3", "--set =3", "is not key.path=value", .usage),
            ("run..seed=3", "--set run..seed", "an empty part", .usage),
        ])
    func refused(override: String, place: String, reason: String, exitCode: ExitCode) throws {
        let failure = try #require(refusal(overrides: [override]))
        #expect(failure.place == place)
        #expect(failure.reason.contains(reason), "\(failure.reason)")
        #expect(!failure.remedy.isEmpty)
        #expect(failure.exitCode == exitCode)
    }
}
