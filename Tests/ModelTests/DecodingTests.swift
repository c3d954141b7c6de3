import Collectives
import Kernels
import Settings
import Tensors
import TestSupport
import Testing
import Weights

@testable import Model

@Suite struct DecodingTests {
    private func model(_ family: ModelFamily) throws -> Transformer<Frozen> {
        let folder = TemporaryFolder()
        let configuration = unevenConfiguration(family)
        let checkpoint = try HuggingFaceCheckpoint(folder: makeCheckpoint(configuration, seed: 3, in: folder, named: "model"))
        let parameters = try FrozenParameters(
            ParameterTable(configuration), sharding: ModelSharding(configuration, size: 1), rank: 0, source: checkpoint)
        return Transformer(configuration, parameters: parameters, tensor: SoloGroup(), workers: Workers(threadCount: 2))
    }

    @Test(
        "decoding over a cache gives the log-probabilities of the whole sequence",
        arguments: [ModelFamily.llama, .qwen2], [[1, 1, 1, 1], [70, 1, 1, 3], [64, 64, 1], [5, 130, 1]])
    func agreesWithTheWholePass(family: ModelFamily, pieces: [Int]) throws {
        let model = try model(family)
        var random = KeyedRandom(key: 9)
        let tokens = (0..<pieces.reduce(0, +)).map { _ in Int32.random(in: 0..<509, using: &random) }
        let cache = model.makeDecodingCache(capacity: tokens.count)
        var start = 0
        for piece in pieces {
            let logits = try model.decode(Array(tokens[start..<(start + piece)]), cache)
            start += piece
            var axis = TokenAxis()
            axis.append(tokens[0..<start])
            let rows = [Int32(0), 100, 508].map { ScoredRow(position: start - 1, target: $0) }
            let scored = try model.forward(ForwardPlan(axis: axis, rows: rows)).scored
            for (row, expected) in zip(rows, scored.logProbabilities) {
                let actual = Double(logits[0, Int(row.target)]) - scored.rows[0].logSumExp
                #expect(abs(actual - expected) < 1e-4)
            }
        }
        #expect(cache.count == tokens.count)
    }
}
