import Runs
import Settings
import TestSupport
import Testing

@Suite struct EvaluationMemoryTests {
    @Test("a model that has no room for gradients and moments can be evaluated, and not trained", arguments: [1, 2])
    func budget(ranks: Int) throws {
        let folder = TemporaryFolder()
        let model = unevenConfiguration(.llama)
        try makeCheckpoint(model, seed: 1, in: folder, named: "policy")
        let data = try makeDataset(randomPairs(count: 4, vocabulary: 509, lengths: 3...12, seed: 5), in: folder)
        let configuration = try RunConfiguration(
            yaml: """
                model: {checkpoint: \(folder.file("policy"))}
                data: {train: \(data), validation: \(data)}
                objective: {type: preference, reference: none}
                schedule: {steps: 1, tokens_per_micro_batch: 8}
                parallel: {tensor: \(ranks)}
                optimizer: {learning_rate: 0.001}
                run: {directory: \(folder.file("run"))}
                """, file: "run.yaml")
        // Room for the weights twice: training needs value, gradient and two moments.
        let room = 2 * 4 * model.parameterCount
        func resolve(_ purpose: ResolvedRun.Purpose, room: Int) throws -> ResolvedRun {
            try ResolvedRun(configuration, rankCount: ranks, purpose: purpose, ranksOnNode: ranks, availableMemory: room)
        }
        _ = try resolve(.evaluation, room: room)
        let refusal = try #require(throws: Failure.self) { try resolve(.training, room: room) }
        #expect(refusal.reason.contains("the policy's weights, gradients and moments"))
        // The weights alone are more than this: an evaluation is refused in words that fit it.
        let smaller = try #require(throws: Failure.self) { try resolve(.evaluation, room: 4 * model.parameterCount / 2) }
        #expect(smaller.reason.contains("the model's weights") && !smaller.reason.contains("moments"))
    }
}
