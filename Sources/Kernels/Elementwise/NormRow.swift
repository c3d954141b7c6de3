import Settings
import Tensors

// E columns of a segment.

/// The loops of a norm over one segment of a row: E columns that are normalised together.
///
/// With the mean m (0 for a root mean square), the inverse deviation r and the factor f (1, w or 1 + w):
/// y = f · (x − m) · r + b.
struct NormRow: Sendable {
    typealias Pointer = UnsafeMutablePointer<Float>

    /// The stored values of one segment.
    struct Statistics {
        var mean: Float = 0
        /// 1 / √(variance + ε), or 1 / √(mean square + ε).
        var inverseRoot: Float
    }

    /// Sums over the columns, with g = f · dy.
    struct GradientSums {
        /// Σ g
        var gradient: Float = 0
        /// Σ g · (x − m)
        var product: Float
    }

    let configuration: NormConfiguration

    // MARK: Forward

    func statistics(_ x: Pointer, count: Int) -> Statistics {
        switch configuration.kind {
        case .rootMeanSquare:
            return statistics(sumOfSquares: NormRow.sumOfSquares(x, count: count), count: count)
        case .layer:
            let mean = Float(NormRow.sum(x, count: count) / Double(count))
            var result = statistics(sumOfSquares: NormRow.sumOfSquares(x, around: mean, count: count), count: count)
            result.mean = mean
            return result
        }
    }

    func statistics(sumOfSquares: Float, count: Int) -> Statistics {
        Statistics(inverseRoot: Float(1 / (Double(sumOfSquares) / Double(count) + configuration.epsilon).squareRoot()))
    }

    /// The output may overwrite x.
    func apply(_ x: Pointer, _ statistics: Statistics, weight: Pointer?, bias: Pointer?, into output: Pointer, count: Int) {
        switch configuration.weight {
        case .none: NormRow.apply(x, statistics, NoFactor(), into: output, count: count)
        case .plain: NormRow.apply(x, statistics, PlainFactor(weight!), into: output, count: count)
        case .onePlus: NormRow.apply(x, statistics, OnePlusFactor(weight!), into: output, count: count)
        }
        if let bias { Elementwise.add(bias, to: output, count: count) }
    }

    @inline(__always)
    private static func apply<Factor: NormFactor>(
        _ x: Pointer, _ statistics: Statistics, _ factor: Factor, into output: Pointer, count: Int
    ) {
        let (mean, scale) = (statistics.mean, statistics.inverseRoot)
        var index = 0
        while index + 8 <= count {
            output.store8((x.load8(index) - mean) * scale * factor.load8(index), index)
            index += 8
        }
        while index < count {
            output[index] = (x[index] - mean) * scale * factor[index]
            index += 1
        }
    }

    // MARK: Backward

    /// The sums that the gradient of x needs. Adds dy · (x − m) · r to the weight's gradient, and dy to the bias's.
    func gradientSums(
        _ dy: Pointer, _ x: Pointer, _ statistics: Statistics, weight: Pointer?, weightGradient: Pointer?,
        biasGradient: Pointer?, count: Int
    ) -> GradientSums {
        switch configuration.weight {
        case .none:
            NormRow.gradientSums(dy, x, statistics, NoFactor(), weightGradient, biasGradient, count: count)
        case .plain:
            NormRow.gradientSums(dy, x, statistics, PlainFactor(weight!), weightGradient, biasGradient, count: count)
        case .onePlus:
            NormRow.gradientSums(dy, x, statistics, OnePlusFactor(weight!), weightGradient, biasGradient, count: count)
        }
    }

    @inline(__always)
    private static func gradientSums<Factor: NormFactor>(
        _ dy: Pointer, _ x: Pointer, _ statistics: Statistics, _ factor: Factor, _ dw: Pointer?, _ db: Pointer?, count: Int
    ) -> GradientSums {
        let (mean, scale) = (statistics.mean, statistics.inverseRoot)
        var (gradients, products) = (Float8.zero, Float8.zero)
        var index = 0
        while index + 8 <= count {
            let gradient = dy.load8(index)
            let deviation = x.load8(index) - mean
            let scaled = gradient * factor.load8(index)
            gradients += scaled
            products = products.addingProduct(scaled, deviation)
            if let dw { dw.store8(dw.load8(index).addingProduct(gradient * scale, deviation), index) }
            if let db { db.store8(db.load8(index) + gradient, index) }
            index += 8
        }
        var sums = GradientSums(gradient: gradients.laneSum, product: products.laneSum)
        while index < count {
            let deviation = x[index] - mean
            let scaled = dy[index] * factor[index]
            sums.gradient += scaled
            sums.product += scaled * deviation
            if let dw { dw[index] += dy[index] * scale * deviation }
            if let db { db[index] += dy[index] }
            index += 1
        }
        return sums
    }

    /// `dx = r·g − (x − m)·r³·mean(g·(x − m)) − r·mean(g)`; the last term is a layer norm's alone. `dx` may overwrite dy or x.
    ///
    /// - Parameters:
    ///   - count: columns of this segment.
    ///   - totalCount: columns that are normalised together, here and on other ranks.
    ///   - accumulate: adds to `dx`.
    func gradient(
        _ dy: Pointer, _ x: Pointer, _ statistics: Statistics, _ sums: GradientSums, weight: Pointer?,
        into dx: Pointer, accumulate: Bool, count: Int, totalCount: Int
    ) {
        let scale = statistics.inverseRoot
        let terms = GradientTerms(
            mean: statistics.mean, scale: scale, pull: -scale * scale * scale * sums.product / Float(totalCount),
            shift: configuration.kind == .layer ? -scale * sums.gradient / Float(totalCount) : nil, accumulate: accumulate)
        switch configuration.weight {
        case .none: NormRow.gradient(dy, x, terms, NoFactor(), into: dx, count: count)
        case .plain: NormRow.gradient(dy, x, terms, PlainFactor(weight!), into: dx, count: count)
        case .onePlus: NormRow.gradient(dy, x, terms, OnePlusFactor(weight!), into: dx, count: count)
        }
    }

    private struct GradientTerms {
        var mean, scale, pull: Float
        /// A layer norm's term that is the same for all columns.
        var shift: Float?
        var accumulate: Bool
    }

    @inline(__always)
    private static func gradient<Factor: NormFactor>(
        _ dy: Pointer, _ x: Pointer, _ terms: GradientTerms, _ factor: Factor, into dx: Pointer, count: Int
    ) {
        var index = 0
        while index + 8 <= count {
            let before = terms.accumulate ? dx.load8(index) : .zero
            let direct = dy.load8(index) * factor.load8(index) * terms.scale
            var value = before + direct + (x.load8(index) - terms.mean) * terms.pull
            if let shift = terms.shift { value += shift }
            dx.store8(value, index)
            index += 8
        }
        while index < count {
            let before = terms.accumulate ? dx[index] : 0
            let direct = dy[index] * factor[index] * terms.scale
            var value = before + (direct + (x[index] - terms.mean) * terms.pull)
            if let shift = terms.shift { value += shift }
            dx[index] = value
            index += 1
        }
    }

    // MARK: Sums

    /// In Double: a mean far from 0 leaves few digits for the deviations.
    private static func sum(_ x: Pointer, count: Int) -> Double {
        var (low, high) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
        var index = 0
        while index + 8 <= count {
            let eight = x.load8(index)
            low += SIMD4<Double>(eight.lowHalf)
            high += SIMD4<Double>(eight.highHalf)
            index += 8
        }
        var total = (low + high).sum()
        while index < count {
            total += Double(x[index])
            index += 1
        }
        return total
    }

    /// Σ (x − mean)²
    static func sumOfSquares(_ x: Pointer, around mean: Float = 0, count: Int) -> Float {
        var first = Float8.zero
        var second = Float8.zero
        var index = 0
        while index + 16 <= count {
            let (low, high) = (x.load8(index) - mean, x.load8(index + 8) - mean)
            first = first.addingProduct(low, low)
            second = second.addingProduct(high, high)
            index += 16
        }
        var total = (first + second).laneSum
        while index < count {
            total += (x[index] - mean) * (x[index] - mean)
            index += 1
        }
        return total
    }
}

/// What a norm multiplies its columns with. Each kind of factor has compiled loops of its own.
private protocol NormFactor {
    func load8(_ index: Int) -> Float8
    subscript(index: Int) -> Float { get }
}

private struct NoFactor: NormFactor {
    @inline(__always)
    func load8(_ index: Int) -> Float8 { Float8(repeating: 1) }

    @inline(__always)
    subscript(index: Int) -> Float { 1 }
}

private struct PlainFactor: NormFactor {
    private let weight: UnsafeMutablePointer<Float>

    init(_ weight: UnsafeMutablePointer<Float>) { self.weight = weight }

    @inline(__always)
    func load8(_ index: Int) -> Float8 { weight.load8(index) }

    @inline(__always)
    subscript(index: Int) -> Float { weight[index] }
}

private struct OnePlusFactor: NormFactor {
    private let weight: UnsafeMutablePointer<Float>

    init(_ weight: UnsafeMutablePointer<Float>) { self.weight = weight }

    @inline(__always)
    func load8(_ index: Int) -> Float8 { weight.load8(index) + 1 }

    @inline(__always)
    subscript(index: Int) -> Float { weight[index] + 1 }
}
