import Collectives
import Kernels
import Model
import Tensors
import TestSupport
import Testing
import Weights

@Suite("Families of models that generate", .serialized)
struct FamilyDecodingTests {
    private func model(_ family: FamilyFixture) throws -> Transformer<Frozen> {
        let checkpoint = try HuggingFaceCheckpoint(folder: family.policy)
        let configuration = checkpoint.configuration
        let parameters = try FrozenParameters(
            ParameterTable(configuration), sharding: ModelSharding(configuration, size: 1), rank: 0, source: checkpoint)
        return Transformer(configuration, parameters: parameters, tensor: SoloGroup(), workers: Workers(threadCount: 2))
    }

    /// With dynamic angles, keys in the cache keep those of the shorter sequence, as in Transformers.
    @Test(
        "a cache gives the log-probabilities of the whole sequence, inside a window and beyond it",
        arguments: FamilyFixture.all, [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [12, 1, 1, 7, 1], [3, 19]])
    func agreesWithTheWholePass(family: FamilyFixture, pieces: [Int]) throws {
        let model = try model(family)
        guard model.configuration.lengthLimit == model.configuration.cacheLimit else { return }
        let vocabulary = model.configuration.vocabularySize
        var random = KeyedRandom(key: 11)
        let tokens = (0..<pieces.reduce(0, +)).map { _ in Int32.random(in: 0..<Int32(vocabulary), using: &random) }
        let cache = model.makeDecodingCache(capacity: tokens.count)
        var start = 0
        for piece in pieces {
            let logits = try model.decode(Array(tokens[start..<(start + piece)]), cache)
            start += piece
            var axis = TokenAxis()
            axis.append(tokens[0..<start])
            let rows = [0, vocabulary / 2, vocabulary - 1].map { ScoredRow(position: start - 1, target: Int32($0)) }
            let scored = try model.forward(ForwardPlan(axis: axis, rows: rows)).scored
            for (row, expected) in zip(rows, scored.logProbabilities) {
                let actual = Double(logits[0, Int(row.target)]) - scored.rows[0].logSumExp
                #expect(abs(actual - expected) < 1e-4)
            }
        }
    }
}
