import Costs
import Planning
import Settings

/// Measures the machine's highest rates, with the shapes of a model.
struct CeilingBenchmark {
    let bench: Bench
    let model: ModelConfiguration
    let quick: Bool

    /// Collective over all ranks.
    func run() throws -> Ceiling {
        let timer = ProductTimer(bench)
        var products: [Ceiling.Product] = []
        for (name, product) in shapes {
            let alone = try timer.rateOfOneCore(of: product)
            let library =
                bench.workers.threadCount > 1 && bench.mesh.world.size == 1
                ? try timer.rateOfLibraryThreads(of: product) : nil
            products.append(
                .init(
                    name: name, m: product.m, n: product.n, k: product.k, flopsOneThread: alone,
                    flopsAllCores: try timer.rate(of: product), flopsLibraryThreads: library))
        }
        let bandwidth = try Bandwidth.measure(bench, floatCount: quick ? 1 << 20 : 1 << 24)
        return Ceiling(
            products: products, bestFlops: timer.bestRate, copyBytesPerSecond: bandwidth.copy,
            triadBytesPerSecond: bandwidth.triad)
    }

    /// The forward shapes of the linear layers and the head, and the two gradients of one layer.
    private var shapes: [(String, RequiredProduct)] {
        let tokens = quick ? 256 : 2048
        let (width, columns) = (model.hiddenSize, model.feedForwardSize)
        let keyWidth = model.keyValueHeadCount * model.headDimension
        let gate = RequiredProduct(.forward, m: tokens, n: columns, k: width)
        return [
            ("query, output", RequiredProduct(.forward, m: tokens, n: width, k: width)),
            ("key, value", RequiredProduct(.forward, m: tokens, n: keyWidth, k: width)),
            ("gate, up", gate),
            ("gate: input's gradient", gate.gradients[0]),
            ("gate: weight's gradient", gate.gradients[1]),
            ("down", RequiredProduct(.forward, m: tokens, n: width, k: columns)),
            ("head, 4,096 columns", RequiredProduct(.forward, m: tokens, n: min(4096, model.vocabularySize), k: width)),
        ]
    }
}
