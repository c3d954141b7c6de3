import Collectives
import Costs
import Foundation
import Kernels
import Model
import Runs
import Settings
import Tensors
import Weights

/// Measures a machine's rates, once, with every core of the run at work: alone, or by all ranks under mpirun.
public struct MachineMeasurement {
    let bench: Bench
    let ranksOfNode: Int
    private let isQuick: Bool
    private let progress: (String) -> Void

    /// - Parameters:
    ///   - ranksOfNode: ranks that share this node.
    ///   - isQuick: few and small shapes, so that tests take seconds.
    ///   - progress: hears what is measured next.
    public init(
        mesh: Mesh, workers: Workers, ranksOfNode: Int, isQuick: Bool = false, progress: @escaping (String) -> Void
    ) {
        bench = Bench(mesh: mesh, workers: workers, budget: TimingBudget(seconds: isQuick ? 0.001 : 0.01))
        self.ranksOfNode = ranksOfNode
        self.isQuick = isQuick
        self.progress = progress
    }

    /// Collective over all ranks.
    public func run() throws -> MachineRates {
        let before = residentByteCount()
        progress("reductions")
        let reductions = try measureReductions()
        progress("memory")
        let memory = try Bandwidth.measure(bench, floatCount: isQuick ? 1 << 20 : 1 << 24)
        let alone = try measureOneCoresMemory()
        progress("matrix products")
        let products = try measureProducts()
        progress("attention and head")
        let attention = try (isQuick ? [64, 256] : [64, 128, 256, 512, 1024, 2048]).map(measureAttention)
        var rates = MachineRates(
            processor: processorField("model name") ?? "unknown",
            cores: bench.workers.threadCount * ranksOfNode, memoryBytes: MemoryForecast.availableByteCount(),
            products: products.rates, attention: attention, scoreSecondsPerLogit: 1e-10, gradientSecondsPerLogit: 1e-10,
            memoryBytesPerSecond: memory.triad * Double(ranksOfNode) / Double(bench.mesh.world.size),
            memoryBytesPerSecondOfOneCore: alone,
            overheads: [.init(threads: bench.workers.threadCount, factor: 1)], processBytes: before, threadBytes: products.threadBytes,
            messagingBytes: 0, reductionRanks: reductions.isEmpty ? 1 : ranksOfNode, reductions: reductions,
            network: try measureNetwork())
        let head = try measureHead(rates)
        (rates.scoreSecondsPerLogit, rates.gradientSecondsPerLogit) = (head.score, head.gradient)
        progress("a small model")
        rates.overheads[0].factor = try measureOverhead(rates)
        return rates
    }

    // MARK: Products

    /// The grid: rows of a tile, then both other sides.
    private var sides: (rows: [Int], others: [Int]) {
        isQuick ? ([64, 256], [64, 512]) : ([32, 128, 512], [64, 192, 576, 1536, 4096])
    }

    /// The grid twice, and the better of both: a machine that others use for a moment is slow for many shapes in a row.
    private func measureProducts() throws -> (rates: [MachineRates.Product], threadBytes: Int) {
        let operands = (0..<bench.workers.threadCount).map { _ in ProductOperands() }
        let before = residentByteCount()
        let (first, second) = (try measureGrid(operands), try measureGrid(operands))
        let rates = zip(first, second).map { one, other in
            var better = one
            better.eachCore = max(one.eachCore, other.eachCore)
            better.oneCore = one.oneCore.map { max($0, other.oneCore!) }
            return better
        }
        // What grew beside the operands is OpenBLAS's own memory of each thread.
        let own = residentByteCount() - before - operands.reduce(0) { $0 + $1.byteCount }
        return (rates, max(1 << 20, own / bench.workers.threadCount))
    }

    private func measureGrid(_ operands: [ProductOperands]) throws -> [MachineRates.Product] {
        var rates: [MachineRates.Product] = []
        for form in RequiredProduct.Form.allCases {
            for (m, n, k) in sides.rows.flatMap({ m in sides.others.flatMap { n in sides.others.map { (m, n, $0) } } }) {
                for operands in operands { operands.prepare(form, m: m, n: n, k: k) }
                let operations = 2 * Double(m) * Double(n) * Double(k)
                // Long enough that every thread is awake.
                let repeats = max(1, Int(1e8 / operations))
                let seconds = try bench.together {
                    bench.workers.run(operands.count) { task, _ in for _ in 0..<repeats { operands[task].multiply() } }
                }
                var rate = MachineRates.Product(
                    form: form, m: m, n: n, k: k, oneCore: nil, eachCore: operations * Double(repeats) / seconds)
                if form == .forward && m == sides.rows.last {
                    let alone = try bench.alone { for _ in 0..<repeats { operands[0].multiply() } }
                    rate.oneCore = operations * Double(repeats) / alone
                }
                rates.append(rate)
            }
        }
        return rates
    }

    private func measureOneCoresMemory() throws -> Double {
        let (rowCount, width) = (isQuick ? 64 : 1024, 16384)
        let arrays = (0..<3).map { index in
            let matrix = Matrix(rowCount: rowCount, columnCount: width)
            matrix.fill(Float(index) + 0.5)
            return matrix
        }
        let seconds = try bench.alone {
            for row in 0..<rowCount {
                let (a, b, c) = (arrays[0].row(row), arrays[1].row(row), arrays[2].row(row))
                for index in stride(from: 0, to: width, by: 8) { a.store8(b.load8(index) + c.load8(index) * 0.5, index) }
            }
        }
        return 3 * Double(rowCount * width * 4) / seconds
    }

    // MARK: Kernels

    private func filled(_ rows: Int, _ columns: Int) -> Matrix {
        let matrix = Matrix(rowCount: rows, columnCount: columns)
        for row in 0..<rows { for column in 0..<columns { matrix.row(row)[column] = Float((row * 31 + column * 7) % 17) * 0.05 - 0.4 } }
        return matrix
    }

    /// Nine heads of 64 in three groups, texts of `tokens` tokens.
    private func measureAttention(tokens: Int) throws -> MachineRates.Attention {
        let attention = Attention(groupCount: 3, headsPerGroup: 3, headDimension: 64, workers: bench.workers)
        let count = max(1, (isQuick ? 256 : 2048) / tokens)
        let plan = AttentionPlan((0..<count).map { Segment(range: ($0 * tokens)..<(($0 + 1) * tokens)) })
        let projections = filled(count * tokens, attention.projectionWidth)
        let (output, outputGradient) = (filled(count * tokens, attention.outputWidth), filled(count * tokens, attention.outputWidth))
        let (logSumExp, gradient) = (filled(count * tokens, 9), filled(count * tokens, attention.projectionWidth))
        let operations = 4 * Double(plan.visiblePairCount * 9 * 64) / Double(bench.workers.threadCount)
        let forward = try bench.together { attention.forward(projections, plan: plan, into: output, logSumExp: logSumExp) }
        let backward = try bench.together {
            attention.backward(
                outputGradient, projections: projections, output: output, logSumExp: logSumExp, plan: plan, into: gradient)
        }
        return MachineRates.Attention(tokens: tokens, forward: operations / forward, backward: 2 * operations / backward)
    }

    /// What a panel's passes take beside its products.
    private func measureHead(_ rates: MachineRates) throws -> (score: Double, gradient: Double) {
        let head = Head(workers: bench.workers)
        let (rows, vocabulary, width) = isQuick ? (64, 1024, 64) : (512, 16384, 64)
        let (hidden, hiddenGradient) = (filled(rows, width), filled(rows, width))
        let (weight, gradient) = (filled(vocabulary, width), filled(vocabulary, width))
        let targets = HeadTargets(
            rows: Array(0..<rows), tokens: (0..<rows).map { Int32($0 * 31 % vocabulary) }, rowCount: rows)
        let logSumExp = [Double](repeating: log(Double(vocabulary)), count: rows)
        let weights = [Float](repeating: 1e-3, count: rows)
        let forward = try bench.together {
            _ = head.forwardPanel(hidden, weight: weight, range: 0..<vocabulary, targets: targets, references: [])
        }
        // Backward overwrites the logits: together with a forward it can be repeated.
        let both = try bench.together {
            _ = head.forwardPanel(hidden, weight: weight, range: 0..<vocabulary, targets: targets, references: [])
            head.backwardPanel(
                hidden, weight: weight, range: 0..<vocabulary, targets: targets, logSumExp: logSumExp, gradients: weights,
                hiddenGradient: hiddenGradient, weightGradient: gradient)
        }
        let occupation = Occupation(busy: rates.cores, cores: rates.cores)
        func product(_ form: RequiredProduct.Form, _ m: Int, _ n: Int, _ k: Int) -> Double {
            2 * Double(rows * width) * Double(vocabulary)
                / (rates.productRate(form, m: m, n: n, k: k, occupation) * Double(bench.workers.threadCount))
        }
        let gradients = product(.inputGradient, rows, width, 1024) + product(.weightGradient, 1024, width, rows)
        let perLogit = Double(bench.workers.threadCount) / (Double(rows) * Double(vocabulary))
        return (
            max(1e-11, (forward - product(.forward, rows, 1024, width)) * perLogit),
            max(1e-11, (both - forward - gradients) * perLogit)
        )
    }

    /// A model of four blocks, forward and backward, against what the rates say of it.
    private func measureOverhead(_ rates: MachineRates) throws -> Double {
        let shape = ModelConfiguration(
            family: .llama, vocabularySize: isQuick ? 512 : 8192, hiddenSize: isQuick ? 192 : 576,
            feedForwardSize: isQuick ? 512 : 1536, layerCount: isQuick ? 2 : 6, headCount: isQuick ? 3 : 9,
            keyValueHeadCount: isQuick ? 1 : 3, headDimension: 64, ropeTheta: 10_000, normEpsilon: 1e-5, tiedEmbeddings: true,
            projectionBias: false, maximumPositions: 4096, initializerRange: 0.02)
        let tokens = isQuick ? 256 : 2048 / bench.mesh.world.size
        let (table, sharding) = (ParameterTable(shape), ModelSharding(shape, size: 1))
        let model = Transformer<Trainable>(
            shape,
            parameters: try TrainableParameters(
                table, sharding: sharding, rank: 0, source: RandomParameters(configuration: shape, seed: 17)),
            tensor: SoloGroup(), workers: bench.workers)
        var axis = TokenAxis()
        var rows: [ScoredRow] = []
        for start in stride(from: 0, to: tokens, by: 256) {
            axis.append((0..<256).map { Int32((start + $0 * 37) % shape.vocabularySize) })
            rows += (start..<(start + 255)).map { ScoredRow(position: $0, target: Int32($0 * 13 % shape.vocabularySize)) }
        }
        let plan = ForwardPlan(axis: axis, rows: rows)
        let gradients = LossGradients(targets: [Float](repeating: 1e-4, count: rows.count))
        let measured = try bench.together {
            let pass = try model.forward(plan, ForwardRequest(), knowing: gradients)
            try model.backward(pass, plan, gradients: gradients)
        }
        var workload = StepWorkload(
            segments: (0..<(tokens / 256)).map { _ in .init(queries: 256) },
            scored: (0..<(tokens / 256)).map { _ in .init(queries: 255) })
        workload.targetRows = rows.count
        let clock = ShareClock(
            rates, Occupation(busy: rates.cores, cores: rates.cores), threads: bench.workers.threadCount, sharding: sharding, rank: 0)
        let counted = clock.forward(workload).sum + clock.backward(workload, recompute: .nothing, keepsLogits: true).sum
        return measured / counted
    }
}

/// Bytes of this process that are in memory now (`proc(5)`, statm).
func residentByteCount() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}
