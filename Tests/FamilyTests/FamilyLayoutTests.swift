import Foundation
import TestSupport
import Testing

/// What a run of `layout-probe` left behind.
private struct ProbedStep {
    /// Of records 0 and 1.
    let policy, reference: [Double]
    let figures: [String: Double]
    /// A Hugging Face folder.
    let gradients: String

    init(_ family: FamilyFixture, _ run: FamilyRun, reference other: String? = nil, in folder: TemporaryFolder) throws {
        let yaml = try run.yaml(
            policy: family.policy, reference: other ?? family.reference, data: family.dataset(in: folder),
            pairCount: family.values().records.count, directory: folder.file("run"))
        let configuration = try folder.write(yaml, to: "run.yaml")
        let result = try runProgram("layout-probe", [configuration, folder.path], ranks: run.ranks)
        try #require(result.exitCode == 0, "\(result.errorOutput)")
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("log-probabilities.json")))
        let values = try JSONDecoder().decode([String: [Double]].self, from: data)
        policy = try #require(values["policy"])
        reference = try #require(values["ref"])
        figures = try #require(readJSONL(folder.file("steps.jsonl")).first).compactMapValues { $0 as? Double }
        gradients = folder.file("gradients")
    }
}

@Suite("Families of models over ranks", .serialized)
struct FamilyLayoutTests {
    @Test(
        "log-probabilities, loss and every gradient are those of Transformers in float64",
        arguments: FamilyRun.table(FamilyRun.onManyRanks))
    func values(family: FamilyFixture, run: FamilyRun) throws {
        let folder = TemporaryFolder()
        let values = try family.values()
        let step = try ProbedStep(family, run, in: folder)
        try expectLogProbabilities(policy: step.policy, reference: step.reference, of: values, pairCount: 2)
        try expectFirstStep(step.figures, of: values)
        try expectGradients(in: step.gradients, of: family)
    }

    @Test(
        "a reference with the policy's weights gives Δ = 0 exactly and the loss ln 2 on two tensor ranks",
        arguments: FamilyFixture.all)
    func equalWeights(family: FamilyFixture) throws {
        let step = try ProbedStep(family, FamilyRun(name: "twin", tensor: 2), reference: family.policy, in: TemporaryFolder())
        #expect(step.policy == step.reference)
        #expect(step.figures["rewards/margins"] == 0)
        #expect(try abs(#require(step.figures["loss"]) - log(2.0)) < 1e-12)
    }
}
