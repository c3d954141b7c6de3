import Foundation
import Kernels
import Planning
import Settings
import Tensors

// T tokens of this rank, D model width, F feed-forward columns, A = heads · E, W projections, U scored rows, V vocabulary.

/// Times every kernel of the trainer, forward and backward, with a model's shapes. Each kernel runs alone on all cores.
final class KernelBenchmark {
    private let bench: Bench
    private let model: ModelConfiguration
    private let quick: Bool
    /// Operations and bytes a second of one rank while all ranks work.
    private let operationRate: Double
    private let byteRate: Double
    private let tokens: Int
    private let sequence: Int
    private var results: [KernelResult] = []

    init(_ bench: Bench, model: ModelConfiguration, ceiling: Ceiling, quick: Bool) {
        self.bench = bench
        self.model = model
        self.quick = quick
        operationRate = ceiling.bestFlops / Double(bench.mesh.world.size)
        byteRate = ceiling.triadBytesPerSecond / Double(bench.mesh.world.size)
        sequence = quick ? 128 : 512
        tokens = max(sequence, (quick ? 256 : 2048) / bench.mesh.world.size / sequence * sequence)
    }

    /// Collective over all ranks.
    func run() throws -> [KernelResult] {
        let (width, queryWidth) = (model.hiddenSize, model.headCount * model.headDimension)
        try linear("linear query, output", columns: queryWidth, inputs: width)
        try linear("linear key, value", columns: model.keyValueHeadCount * model.headDimension, inputs: width)
        try linear("linear gate, up", columns: model.feedForwardSize, inputs: width)
        try linear("linear down", columns: width, inputs: model.feedForwardSize)
        try attention()
        try norm()
        try rotary()
        try activation()
        try embedding()
        try head()
        try optimizer()
        return results
    }

    // MARK: Kernels bound by operations

    private func linear(_ name: String, columns: Int, inputs: Int) throws {
        let (input, output) = (filled(tokens, inputs), filled(tokens, columns))
        let (weight, gradient) = (filled(columns, inputs), filled(columns, inputs))
        let inputGradient = filled(tokens, inputs)
        let operations = 2 * Double(tokens * columns * inputs)
        let floats = tokens * inputs + columns * inputs + tokens * columns
        let shape = "\(tokens) × \(inputs) → \(columns)"
        try add(name, "forward", shape, operations: operations, floats: floats) { workers in
            Linear.forward(input, weight: weight, into: output, workers: workers)
        }
        try add(name, "backward", shape, operations: 2 * operations, floats: 2 * floats) { workers in
            Linear.backwardInput(output, weight: weight, into: inputGradient, workers: workers)
            Linear.backwardWeight(output, input: input, into: gradient, workers: workers)
        }
    }

    private func attention() throws {
        let attention = Attention(
            groupCount: model.keyValueHeadCount, headsPerGroup: model.headsPerGroup, headDimension: model.headDimension,
            workers: bench.workers)
        let starts = stride(from: 0, to: tokens, by: sequence)
        let plan = AttentionPlan(starts.map { Segment(range: $0..<($0 + sequence)) })
        let projections = filled(tokens, attention.projectionWidth)
        let (output, outputGradient) = (filled(tokens, attention.outputWidth), filled(tokens, attention.outputWidth))
        let (logSumExp, gradient) = (filled(tokens, model.headCount), filled(tokens, attention.projectionWidth))
        // Scores and weighted values: two products of the visible pairs for each head.
        let operations = 4 * Double(plan.visiblePairCount * model.headCount * model.headDimension)
        let floats = tokens * (attention.projectionWidth + attention.outputWidth)
        let shape = "\(tokens / sequence) × \(sequence), \(model.headCount) heads of \(model.headDimension)"
        try add("attention", "forward", shape, operations: operations, floats: floats) { _ in
            attention.forward(projections, plan: plan, into: output, logSumExp: logSumExp)
        }
        try add("attention", "backward", shape, operations: 2 * operations, floats: 2 * floats) { _ in
            attention.backward(
                outputGradient, projections: projections, output: output, logSumExp: logSumExp, plan: plan, into: gradient)
        }
    }

    private func head() throws {
        let head = Head(workers: bench.workers)
        let (rows, vocabulary, width) = (tokens / 2, model.vocabularySize, model.hiddenSize)
        let (hidden, hiddenGradient) = (filled(rows, width), filled(rows, width))
        let (weight, gradient) = (filled(vocabulary, width), filled(vocabulary, width))
        let targets = HeadTargets(
            rows: Array(0..<rows), tokens: (0..<rows).map { Int32($0 * 31 % vocabulary) }, rowCount: rows)
        let logSumExp = [Double](repeating: log(Double(vocabulary)), count: rows)
        let gradients = [Float](repeating: 1e-3, count: rows)
        let operations = 2 * Double(rows * vocabulary * width)
        let floats = (rows + vocabulary) * width
        let shape = "\(rows) rows × \(vocabulary)"
        try add("head", "forward", shape, operations: operations, floats: floats) { _ in
            _ = head.forward(hidden, weight: .floats(weight), range: 0..<vocabulary, targets: targets)
        }
        try add("head", "backward", shape, operations: 2 * operations, floats: 3 * floats) { _ in
            head.backward(
                hidden, weight: weight, range: 0..<vocabulary, targets: targets, logSumExp: logSumExp,
                gradients: gradients, hiddenGradient: hiddenGradient, weightGradient: gradient)
        }
    }

    // MARK: Kernels bound by memory

    private func norm() throws {
        let width = model.hiddenSize
        let sets = sets(floats: 3 * tokens * width) { (filled(tokens, width), filled(tokens, width), filled(tokens, width)) }
        let (weight, weightGradient) = (filled(1, width), filled(1, width))
        let (inverseRoot, scratch) = (filled(tokens, 1), ScratchMatrix())
        let norm = Normalization(model.blocks[0].norm)
        var turn = 0
        try add("norm", "forward", "\(tokens) × \(width)", floats: 2 * tokens * width) { workers in
            let (input, output, _) = sets[turn % sets.count]
            turn += 1
            norm.forward(input, weight: weight, bias: nil, into: output, statistics: inverseRoot, workers: workers)
        }
        try add("norm", "backward", "\(tokens) × \(width)", floats: 4 * tokens * width) { workers in
            let (input, output, gradient) = sets[turn % sets.count]
            turn += 1
            norm.backward(
                output, input: input, weight: weight, statistics: inverseRoot, into: gradient, accumulate: true,
                weightGradient: weightGradient, biasGradient: nil, scratch: scratch, workers: workers)
        }
    }

    private func rotary() throws {
        let width = (model.headCount + model.keyValueHeadCount) * model.headDimension
        let rotary = Rotary(
            model.blocks[0].attention.rotary!, headDimension: model.headDimension, positionCount: sequence)
        let positions = (0..<tokens).map { Int32($0 % sequence) }
        let sets = sets(floats: tokens * width) { filled(tokens, width) }
        var turn = 0
        for direction in ["forward", "backward"] {
            try add("rotary", direction, "\(tokens) × \(width)", floats: 2 * tokens * width) { workers in
                let heads = sets[turn % sets.count]
                turn += 1
                if direction == "forward" {
                    rotary.forward(heads, positions: positions, workers: workers)
                } else {
                    rotary.backward(heads, positions: positions, workers: workers)
                }
            }
        }
    }

    private func activation() throws {
        let columns = model.feedForwardSize
        let sets = sets(floats: 3 * tokens * columns) {
            (filled(tokens, columns), filled(tokens, columns), filled(tokens, columns))
        }
        var turn = 0
        try add("gated activation", "forward", "\(tokens) × \(columns)", floats: 3 * tokens * columns) { workers in
            let (gate, up, output) = sets[turn % sets.count]
            turn += 1
            GatedActivation(.silu).forward(gate: gate, up: up, into: output, workers: workers)
        }
        // In place, as in the trainer. Repetition only makes the values smaller.
        try add("gated activation", "backward", "\(tokens) × \(columns)", floats: 5 * tokens * columns) { workers in
            let (gate, up, gradient) = sets[turn % sets.count]
            turn += 1
            GatedActivation(.silu).backward(gradient, gate: gate, up: up, gateGradient: gate, upGradient: up, workers: workers)
        }
    }

    private func embedding() throws {
        let (width, vocabulary) = (model.hiddenSize, model.vocabularySize)
        let (table, output) = (filled(vocabulary, width), filled(tokens, width))
        let ids = (0..<tokens).map { Int32($0 * 7919 % vocabulary) }
        try add("embedding", "forward", "\(tokens) × \(width)", floats: 2 * tokens * width) { workers in
            Embedding.forward(ids, table: .floats(table), range: 0..<vocabulary, into: output, workers: workers)
        }
        try add("embedding", "backward", "\(tokens) × \(width)", floats: 3 * tokens * width) { workers in
            Embedding.backward(output, tokens: ids, range: 0..<vocabulary, into: table, workers: workers)
        }
    }

    private func optimizer() throws {
        let (rows, width) = (model.vocabularySize, model.hiddenSize)
        let parts = (0..<4).map { _ in filled(rows, width) }
        let rule = AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
        try add("AdamW", "update", "\(rows) × \(width)", floats: 7 * rows * width) { workers in
            rule.update(
                values: parts[0], gradient: parts[1], firstMoment: parts[2], secondMoment: parts[3], step: 100,
                learningRate: 1e-6, weightDecay: 0, gradientScale: 1, workers: workers)
        }
    }

    // MARK: Pieces

    /// So many sets of buffers that they don't fit into the caches. Each use then reads memory, as in a model of many layers.
    private func sets<Buffers>(floats: Int, _ make: () -> Buffers) -> [Buffers] {
        (0..<max(1, (quick ? 1 << 22 : 1 << 25) / max(1, floats) + 1)).map { _ in make() }
    }

    /// - Parameter floats: the sum of read and written floats.
    private func add(
        _ name: String, _ direction: String, _ shape: String, operations: Double = 0, floats: Int,
        _ body: (Workers) -> Void
    ) throws {
        let workers = bench.workers
        let seconds = try bench.together { body(workers) }
        let byOperations = operations / operationRate
        let byBytes = 4 * Double(floats) / byteRate
        let floor = max(byOperations, byBytes)
        results.append(
            KernelResult(
                name: name, direction: direction, shape: shape, seconds: seconds, floorSeconds: floor,
                bound: byOperations > byBytes ? "operations" : "bytes", timeOverFloor: seconds / floor))
    }

    /// A new matrix with small values of both signs.
    private func filled(_ rows: Int, _ columns: Int) -> Matrix {
        let matrix = Matrix(rowCount: rows, columnCount: columns)
        for element in 0..<(rows * columns) { matrix.pointer[element] = Float(element % 251) * 0.004 - 0.5 }
        return matrix
    }
}
