import Collectives
import Costs
import Kernels

/// Times matrix products as `sgemm` does them alone, with every core of the run at work: a product is cut along its longer
/// side into one single-threaded piece a core, which beats OpenBLAS's own threads; independent ones run one on each core.
///
/// Each shape is timed once. One whose result would leave the caches for no need is timed as a tile of it, which is faster:
/// the head's logits and attention's scores are never whole.
public final class ProductTimer {
    private struct Shape: Hashable {
        var form: RequiredProduct.Form
        var m, n, k: Int
    }

    private let bench: Bench
    private let operands: [ProductOperands]
    private var known: [Shape: Double] = [:]
    /// Operations a second of the fastest shape so far, on all cores.
    public private(set) var bestRate = 0.0

    public init(_ bench: Bench) {
        self.bench = bench
        operands = (0..<bench.workers.threadCount).map { _ in ProductOperands() }
    }

    /// Columns of a product that are timed at most.
    private static let columnLimit = 4096
    /// Rows, columns and inner length of an independent product, at most.
    private static let tileLimit = 512

    /// Operations a second of all cores together on products of this shape. Collective over all ranks.
    public func rate(of product: RequiredProduct) throws -> Double {
        let shape = piece(of: product)
        let operations = 2 * Double(shape.m) * Double(shape.n) * Double(shape.k)
        let seconds: Double
        if let timed = known[shape] {
            seconds = timed
        } else {
            // Small products are repeated inside a task, so that handing out tasks costs nothing.
            let repeats = max(1, Int(1e8 / operations))
            for operands in operands { operands.prepare(shape.form, m: shape.m, n: shape.n, k: shape.k) }
            seconds =
                try bench.together {
                    bench.workers.run(operands.count) { task, _ in
                        for _ in 0..<repeats { operands[task].multiply() }
                    }
                } / Double(repeats)
            known[shape] = seconds
        }
        let rate = operations / seconds * Double(bench.coreCount)
        bestRate = max(bestRate, rate)
        return rate
    }

    /// Σ of the products' times. Collective over all ranks.
    public func seconds(of products: [RequiredProduct]) throws -> Double {
        try products.reduce(0) { try $0 + ($1.operations == 0 ? 0 : $1.operations / rate(of: $1)) }
    }

    /// Operations a second of one core, the others waiting.
    public func rateOfOneCore(of product: RequiredProduct) throws -> Double {
        let m = min(product.m, 4096), n = min(product.n, ProductTimer.columnLimit), k = product.k
        operands[0].prepare(product.form, m: m, n: n, k: k)
        return 2 * Double(m) * Double(n) * Double(k) / (try bench.alone { operands[0].multiply() })
    }

    /// Operations a second with OpenBLAS's own threads, on each rank at once, of one rank.
    public func rateOfLibraryThreads(of product: RequiredProduct) throws -> Double {
        let m = min(product.m, 4096), n = min(product.n, ProductTimer.columnLimit), k = product.k
        operands[0].prepare(product.form, m: m, n: n, k: k)
        var seconds = 0.0
        try withLibraryThreads(bench.workers.threadCount) { seconds = try bench.together { operands[0].multiply() } }
        return 2 * Double(m) * Double(n) * Double(k) / seconds
    }

    /// What one core is given of `product`.
    private func piece(of product: RequiredProduct) -> Shape {
        var shape = Shape(form: product.form, m: product.m, n: min(product.n, ProductTimer.columnLimit), k: product.k)
        if product.isIndependent {
            // Lengths of segments are many; their times are those of the next multiple of 16.
            func rounded(_ value: Int) -> Int { min((value + 15) / 16 * 16, ProductTimer.tileLimit) }
            shape = Shape(form: shape.form, m: rounded(shape.m), n: rounded(shape.n), k: rounded(shape.k))
        } else if shape.m >= shape.n {
            shape.m = max(1, (shape.m + bench.coreCount - 1) / bench.coreCount)
        } else {
            shape.n = max(1, (shape.n + bench.coreCount - 1) / bench.coreCount)
        }
        return shape
    }
}
