import Testing

@testable import Settings

@Suite("Settings that differ")
struct SettingsDifferenceTests {
    private func differences(_ overrides: String...) throws -> [SettingsDifference] {
        let yaml = """
            model: {checkpoint: models/policy}
            references: {sft: {checkpoint: models/sft}}
            data: {train: data/train.h5}
            objective: [{type: preference, reference: sft}, {type: language_modeling, weight: 0.2}]
            optimizer: {learning_rate: 5e-7}
            run: {directory: runs/dpo}
            """
        func decisive(_ overrides: [String]) throws -> String {
            try RunConfiguration(yaml: yaml, file: "run.yaml", overrides: overrides).decisiveYAML
        }
        return try SettingsDifference.all(from: decisive([]), to: decisive(overrides))
    }

    @Test("each is named by its key path with both values")
    func named() throws {
        #expect(try differences() == [])
        #expect(
            try differences("optimizer.learning_rate=1e-6", "data.shuffle=false") == [
                SettingsDifference(keyPath: "data.shuffle", before: "true", after: "false"),
                SettingsDifference(keyPath: "optimizer.learning_rate", before: "5.0e-07", after: "1.0e-06"),
            ])
    }

    @Test("lists that grow or shrink, and keys that come or go, differ where they do")
    func lists() throws {
        let shrunk = try differences("objective=[{type: preference, reference: sft}]")
        // One objective is not written as a list.
        #expect(shrunk.contains { $0.keyPath == "objective.1.weight" && $0.before == "0.2" && $0.after == nil })
        let other = try differences("schedule.epochs=null", "schedule.steps=9")
        #expect(other.map(\.keyPath) == ["schedule.epochs", "schedule.steps"])
        #expect(other.map(\.before) == ["1", nil] && other.map(\.after) == [nil, "9"])
    }

    @Test(
        "layout, reports, validation and where the run is kept are not compared",
        arguments: [
            "parallel.tensor=2", "parallel.zero=1", "references.sft.layout={tensor: 2}", "references.sft.ranks=[0]", "data.validation=a.h5",
            "run.directory=other", "run.threads=3", "run.allow_changes=[data.train]", "run.keep_every=3", "evaluation.at_start=false",
            "export.dtype=bfloat16", "schedule.recompute=block", "optimizer.non_finite=skip", "run.time_limit=5",
        ])
    func notDeciding(_ override: String) throws {
        #expect(try differences(override) == [])
    }

    @Test("a key path is allowed by itself and by what it is part of, not by the beginning of its name")
    func allowed() {
        for (path, allowed) in [("data.train", "data.train"), ("data.train", "data"), ("references.sft.storage", "references.sft")] {
            #expect(SettingsDifference.isAllowed(path, by: ["run.seed", allowed]))
        }
        for (path, allowed) in [("data.train", "data.tr"), ("references.sft2.storage", "references.sft"), ("data", "data.train")] {
            #expect(!SettingsDifference.isAllowed(path, by: [allowed]))
        }
    }
}
