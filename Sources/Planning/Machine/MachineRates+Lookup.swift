import Costs
import Foundation
import Kernels

extension MachineRates {
    /// Operations a second of one thread on `sgemm` calls of this shape: between measured shapes in proportion of the
    /// logarithms, beyond them as the outermost.
    public func productRate(_ form: RequiredProduct.Form, m: Int, n: Int, k: Int, _ occupation: Occupation) -> Double {
        let known = products.filter { $0.form == form }
        let crowded = interpolate(known, along: [(\.m, m), (\.n, n), (\.k, k)]) { $0.eachCore }
        // What one core gains where the others wait: at the measured shapes that know it.
        let gains = products.compactMap { product in product.oneCore.map { $0 / product.eachCore } }.sorted()
        let gain = gains[gains.count / 2]
        return crowded * (gain + (1 - gain) * occupation.crowding) * occupation.share
    }

    /// Operations a second of one thread in attention, forward and backward, where a query sees `keys` on average.
    public func attentionRate(keys: Int, _ occupation: Occupation) -> (forward: Double, backward: Double) {
        func rate(_ value: KeyPath<Attention, Double>) -> Double {
            let points = attention.map { (log(Double($0.tokens) / 2), $0[keyPath: value]) }.sorted { $0.0 < $1.0 }
            return between(points, at: log(Double(max(keys, 1)))) * occupation.share
        }
        return (rate(\.forward), rate(\.backward))
    }

    /// What a pass takes over what its kernels do; of the nearest number of threads that was measured.
    public func overhead(threads: Int) -> Double {
        overheads.min { abs($0.threads - threads) < abs($1.threads - threads) }!.factor
    }

    /// Bytes a second of one thread.
    public func memoryRate(_ occupation: Occupation) -> Double {
        let alone = memoryBytesPerSecondOfOneCore
        let each = memoryBytesPerSecond / Double(cores)
        return (alone + (each - alone) * occupation.crowding) * occupation.share
    }

    /// Seconds of one sum of `bytes` over `ranks` tensor ranks.
    ///
    /// - Parameter nodes: that these ranks lie on.
    public func sumSeconds(bytes: Double, ranks: Int, nodes: Int) -> Double {
        ranks == 1 ? 0 : seconds(bytes, ranks, nodes) { $0.sumSeconds }
    }

    /// Seconds of adding up `bytes` of gradients over `ranks` data ranks, bucket after bucket.
    ///
    /// - Parameter sharers: ranks of a node that send at the same time, each its own.
    public func gradientSeconds(bytes: Double, ranks: Int, nodes: Int, sharers: Int = 1) -> Double {
        guard ranks > 1 else { return 0 }
        let bucket = min(bytes, Double(4 << 20))
        let one = seconds(bucket, ranks, nodes, sharers: sharers) { $0.bucketSeconds }
        return bytes / bucket * one
    }

    /// Within a node what was measured, in proportion of the bytes that a rank sends, 2(n − 1)/n; between nodes two ways of
    /// log₂ n messages, and the same bytes over the network, which the ranks of a node share.
    private func seconds(
        _ bytes: Double, _ ranks: Int, _ nodes: Int, sharers: Int = 1, _ value: (Reduction) -> Double
    ) -> Double {
        func parts(_ count: Int) -> Double { 2 * Double(count - 1) / Double(count) }
        guard nodes > 1 else { return withinNode(bytes, value) * parts(ranks) / parts(max(2, reductionRanks)) }
        let perNode = max(1, ranks / nodes)
        let inside = perNode > 1 ? withinNode(bytes, value) * parts(perNode) / parts(max(2, reductionRanks)) : 0
        let between =
            2 * log2(Double(nodes)).rounded(.up) * network.latencySeconds
            + parts(nodes) * bytes * Double(sharers) / network.bytesPerSecond
        return inside + between
    }

    private func withinNode(_ bytes: Double, _ value: (Reduction) -> Double) -> Double {
        guard !reductions.isEmpty else {
            // Not measured: two copies through memory, by all.
            return 1e-5 + 6 * bytes / memoryBytesPerSecond
        }
        let points = reductions.map { (log(Double($0.bytes)), log(value($0))) }.sorted { $0.0 < $1.0 }
        let last = reductions.max { $0.bytes < $1.bytes }!
        if bytes > Double(last.bytes) { return value(last) * bytes / Double(last.bytes) }
        return exp(between(points, at: log(max(bytes, 1))))
    }

    /// Between neighbouring points on a straight line, beyond them the outermost.
    private func between(_ points: [(x: Double, y: Double)], at x: Double) -> Double {
        guard let next = points.firstIndex(where: { $0.x >= x }) else { return points.last!.y }
        guard next > 0, points[next].x > points[next - 1].x else { return points[next].y }
        let (low, high) = (points[next - 1], points[next])
        return low.y + (high.y - low.y) * (x - low.x) / (high.x - low.x)
    }

    /// The same along several sides at once.
    private func interpolate(
        _ known: [Product], along sides: [(side: KeyPath<Product, Int>, value: Int)], _ rate: (Product) -> Double
    ) -> Double {
        guard let (side, value) = sides.first else { return known.map(rate).reduce(0, +) / Double(known.count) }
        let values = Set(known.map { $0[keyPath: side] }).sorted()
        let next = values.firstIndex { $0 >= value } ?? values.count - 1
        let chosen = next > 0 && values[next] > value ? [values[next - 1], values[next]] : [values[next]]
        return between(
            chosen.map { size in
                let part = known.filter { $0[keyPath: side] == size }
                return (log(Double(size)), interpolate(part, along: Array(sides.dropFirst()), rate))
            }, at: log(Double(max(value, 1))))
    }
}
