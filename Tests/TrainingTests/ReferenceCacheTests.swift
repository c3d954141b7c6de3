import Collectives
import Foundation
import Kernels
import Settings
import TestSupport
import Testing

@testable import Model
@testable import References
@testable import Runs
@testable import Training

@Suite struct ReferenceCacheTests {
    @Test("from the second epoch on the reference's forward does not run, and the policy's twin stays one")
    func skipsTheForward() throws {
        let folder = TemporaryFolder()
        let policy = try makeCheckpoint(unevenConfiguration(.llama), seed: 1, in: folder, named: "policy")
        let data = try makeDataset(randomPairs(count: 9, vocabulary: 509, lengths: 3...12, seed: 5), in: folder)
        let other = try makeDataset(
            randomPairs(count: 5, vocabulary: 509, lengths: 3...12, seed: 6), in: folder, named: "validation")
        func run(cache: String) throws -> (passes: Int, policyPasses: Int, recorder: Recorder) {
            let yaml = """
                model: {checkpoint: \(policy)}
                references: {ref: {checkpoint: \(policy), cache: \(cache)}}
                data: {train: \(data), validation: \(other)}
                objective: {type: preference, reference: ref}
                schedule: {epochs: 3, pairs_per_step: 3, tokens_per_micro_batch: 1}
                optimizer: {learning_rate: 1e-3}
                evaluation: {every: 2}
                run: {directory: \(folder.file(cache)), threads: 1}
                """
            let configuration = try RunConfiguration(yaml: yaml, file: "run.yaml")
            let run = try ResolvedRun(configuration, rankCount: 1, purpose: .training)
            let recorder = Recorder()
            let trainer = try Trainer(run, mesh: .solo(), workers: Workers(threadCount: 1), listeners: [recorder])
            try trainer.train(.fresh(overwrite: true))
            let reference = trainer.runner.hooks[0] as! ReferenceForward
            return (reference.model.passCount, trainer.policy.passCount, recorder)
        }
        let fresh = try run(cache: "off")
        let cached = try run(cache: "memory")
        // 9 steps of 3 pairs, and evaluations of 5 pairs at 0, 2, 4, 6, 8 and 9. The policy's backward counts as a pass too.
        #expect(fresh.passes == 27 + 30 && fresh.policyPasses == 2 * 27 + 30)
        #expect(cached.passes == 9 + 5 && cached.policyPasses == 2 * 27 + 30)
        #expect(cached.recorder.steps.map { $0["reference_cached"] } == [0, 0, 0, 1, 1, 1, 1, 1, 1])
        #expect(cached.recorder.evaluations.map { $0["eval_reference_cached"] } == [0, 1, 1, 1, 1, 1])
        #expect(fresh.recorder.steps.allSatisfy { $0["reference_cached"] == nil })
        #expect(cached.recorder.steps.map { $0["loss"] } == fresh.recorder.steps.map { $0["loss"] })
        #expect(abs(cached.recorder.steps[0]["loss"]! - log(2)) < 1e-12)
    }
}
