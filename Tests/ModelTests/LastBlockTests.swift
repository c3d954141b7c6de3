import Collectives
import Kernels
import Settings
import Tensors
import TestSupport
import Testing
import Weights

@testable import Model

/// Tokens of one axis that are scored.
enum ScoredPart: CaseIterable, Sendable {
    case completions, oneToken, everyFourth, oneDocument, nothing

    func contains(_ position: Int, _ axis: TokenAxis) -> Bool {
        switch self {
        case .completions:
            // The prompt's last token predicts a completion's first.
            axis.segments.contains {
                guard let prefix = $0.prefix else { return false }
                return position == prefix.upperBound - 1 || $0.range.dropLast().contains(position)
            }
        case .oneToken: position == 50
        case .everyFourth: position % 4 == 3
        case .oneDocument: axis.segments[0].range.contains(position)
        case .nothing: false
        }
    }
}

@Suite struct LastBlockTests {
    private func model(_ family: ModelFamily) throws -> Transformer<Trainable> {
        prepareMatrixProducts()
        let folder = TemporaryFolder()
        let configuration = unevenConfiguration(family)
        let checkpoint = try HuggingFaceCheckpoint(folder: makeCheckpoint(configuration, seed: 3, in: folder, named: "model"))
        let parameters = try TrainableParameters(
            ParameterTable(configuration), sharding: ModelSharding(configuration, size: 1), rank: 0, source: checkpoint)
        return Transformer(configuration, parameters: parameters, tensor: SoloGroup(), workers: Workers(threadCount: 2))
    }

    /// A document of 20 tokens, a prompt of 90 with completions of 9 and 70, and a document of 3.
    private let axis: TokenAxis = {
        var random = KeyedRandom(key: 4)
        func tokens(_ count: Int) -> [Int32] { (0..<count).map { _ in Int32.random(in: 0..<509, using: &random) } }
        var axis = TokenAxis()
        axis.append(tokens(20))
        let prompt = axis.append(tokens(90))
        axis.append(tokens(9), after: prompt)
        axis.append(tokens(70), after: prompt)
        axis.append(tokens(3))
        return axis
    }()

    /// What a pass and its backward leave, for gradients that are zero where a position is not `scored`.
    private func run(_ model: Transformer<Trainable>, rows: [Int], scored: (Int) -> Bool) throws -> (
        logProbabilities: [Double], states: [[Double]], gradients: [[Double]]
    ) {
        let plan = ForwardPlan(axis: axis, rows: rows.map { ScoredRow(position: $0, target: Int32($0 * 7 % 509)) })
        #expect(plan.lastBlock.isWhole == (rows.count == axis.count))
        let layers = Set([1, 2])
        model.zeroGradients()
        let request = ForwardRequest(layers: layers)
        let pass = try model.forward(plan, request)
        let states = layers.sorted().map { pass.layers[$0]! }
        let width = model.configuration.hiddenSize
        let stateGradients = layers.sorted().map { layer in
            let matrix = Matrix(rowCount: rows.count, columnCount: width)
            for (row, position) in rows.enumerated() where scored(position) {
                var random = KeyedRandom(key: 8, UInt64(layer), UInt64(position))
                for column in 0..<width { matrix[row, column] = Float(random.nextUnit() - 0.5) }
            }
            return LossGradients.Layer(index: layer, rows: matrix)
        }
        let logProbabilities = zip(rows, pass.scored.logProbabilities).filter { scored($0.0) }.map(\.1)
        let keptRows = states.map { states in
            rows.indices.filter { scored(rows[$0]) }.flatMap { states.rows($0..<($0 + 1)).values.map(Double.init) }
        }
        try model.backward(
            pass, plan, request,
            gradients: LossGradients(targets: rows.map { scored($0) ? Float($0 % 5) - 2 : 0 }, layers: stateGradients))
        return (logProbabilities, keptRows, model.parameters.gradients.map { $0.values.map(Double.init) })
    }

    @Test(
        "what the last block computes for scored tokens only is what it computes for all",
        arguments: [ModelFamily.llama, .qwen2], ScoredPart.allCases)
    func agreesWithAllTokens(family: ModelFamily, part: ScoredPart) throws {
        let model = try model(family)
        let scored = { part.contains($0, axis) }
        let all = Array(0..<axis.count)
        let some = try run(model, rows: all.filter(scored), scored: scored)
        let whole = try run(model, rows: all, scored: scored)
        #expect(some.logProbabilities.count == all.filter(scored).count)
        for (actual, expected) in zip(some.logProbabilities, whole.logProbabilities) { #expect(abs(actual - expected) < 1e-5) }
        for (actual, expected) in zip(some.states, whole.states) {
            #expect(relativeRootMeanSquare(actual, expected) < 1e-6)
        }
        #expect(whole.gradients[0].contains { $0 != 0 } == (part != .nothing))
        for (index, (actual, expected)) in zip(some.gradients, whole.gradients).enumerated() {
            let error = relativeRootMeanSquare(actual, expected)
            #expect(error < 2e-6, "\(model.table.specifications[index].name): \(error)")
        }
    }
}
