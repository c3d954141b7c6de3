import Foundation
import TestSupport
import Testing
import TrainerProbing
import Training

@Suite("Families of models on one rank", .serialized)
struct FamilyTests {
    @Test(
        "log-probabilities, loss and every gradient are those of Transformers in float64",
        arguments: FamilyRun.table(FamilyRun.onOneRank))
    func values(family: FamilyFixture, run: FamilyRun) throws {
        let folder = TemporaryFolder()
        let values = try family.values()
        let steps = StepRecorder()
        let trainer = try run.trainer(of: family, in: folder, steps: steps)
        // All in one micro-batch: sequences on both sides of a window, and of the first training's length, side by side.
        let probe = try trainer.logProbabilities(ofRecords: Array(values.records.indices))
        try expectLogProbabilities(
            policy: probe.policy, reference: #require(probe.references["ref"]), of: values, pairCount: values.records.count)
        try trainer.exportFirstStepGradients(to: folder.file("gradients"))
        try expectGradients(in: folder.file("gradients"), of: family)
        try trainer.train(.fresh(overwrite: false))
        try expectFirstStep(#require(steps.figures.first), of: values)
    }

    @Test("a reference with the policy's weights gives Δ = 0 exactly and the loss ln 2", arguments: FamilyFixture.all)
    func equalWeights(family: FamilyFixture) throws {
        let folder = TemporaryFolder()
        let steps = StepRecorder()
        let trainer = try FamilyRun(name: "twin").trainer(of: family, reference: family.policy, in: folder, steps: steps)
        let probe = try trainer.logProbabilities(ofRecords: Array(family.values().records.indices))
        #expect(probe.policy == probe.references["ref"])
        try trainer.train(.fresh(overwrite: false))
        let first = try #require(steps.figures.first)
        #expect(first["rewards/margins"] == 0)
        #expect(try abs(#require(first["loss"]) - log(2.0)) < 1e-12)
    }

    /// Each of the repository's families with the one after it: they share pairs and a vocabulary.
    private static let neighbours = FamilyFixture.inRepository.indices.map {
        (FamilyFixture.inRepository[$0], FamilyFixture.inRepository[($0 + 1) % FamilyFixture.inRepository.count])
    }

    @Test("a reference of another family gives the loss of both peers' log-probabilities", arguments: neighbours)
    func otherFamily(policy: FamilyFixture, reference: FamilyFixture) throws {
        let folder = TemporaryFolder()
        let (own, other) = (try policy.values(), try reference.values())
        let losses = zip(own.records, other.records).map { own, other in
            let chosen = own.chosen.reduce(0, +) - other.chosen.reduce(0, +)
            let rejected = own.rejected.reduce(0, +) - other.rejected.reduce(0, +)
            return log1p(exp(-0.2 * (chosen - rejected)))
        }
        let steps = StepRecorder()
        let trainer = try FamilyRun(name: "pair").trainer(of: policy, reference: reference.policy, in: folder, steps: steps)
        try trainer.train(.fresh(overwrite: false))
        let loss = try #require(steps.figures.first?["loss"])
        #expect(abs(loss - losses.reduce(0, +) / Double(losses.count)) <= FamilyTolerance.loss)
    }
}
