import JSON

// T tokens of a step, U scored hidden rows, D model width, F feed-forward columns, A = heads · E, B = key/value heads · E,
// E head dimension, J query heads a group, V vocabulary.

/// A matrix product that the mathematics of a step needs: `count` times `c[m, n] = a[m, k] · b[k, n]`.
public struct RequiredProduct: Hashable, Sendable {
    /// Which factor lies transposed in memory.
    public enum Form: String, JSONRepresentable, CaseIterable, Sendable {
        /// y = x·Wᵀ
        case forward
        /// dx = dy·W
        case inputGradient
        /// dW = dyᵀ·x
        case weightGradient
    }

    public var form: Form
    public var m: Int
    public var n: Int
    public var k: Int
    public var count: Int
    /// Additions and multiplications of all `count`. It is 2 · m · n · k · count but for attention's products, where a
    /// query sees a part of the keys: n is then the mean number of keys a query sees, and this stays exact.
    public var operations: Double
    /// The products are independent of each other, and each runs on one core; otherwise one product is cut over all cores.
    public var isIndependent: Bool

    public init(
        _ form: Form, m: Int, n: Int, k: Int, count: Int = 1, operations: Double? = nil, isIndependent: Bool = false
    ) {
        self.form = form
        self.m = m
        self.n = n
        self.k = k
        self.count = count
        self.operations = operations ?? 2 * Double(m) * Double(n) * Double(k) * Double(count)
        self.isIndependent = isIndependent
    }

    /// A linear layer's two products of backward: as many operations as forward, each.
    public var gradients: [RequiredProduct] {
        [
            RequiredProduct(.inputGradient, m: m, n: k, k: n, count: count),
            RequiredProduct(.weightGradient, m: n, n: k, k: m, count: count),
        ]
    }
}

extension Sequence<RequiredProduct> {
    public var operations: Double { reduce(0) { $0 + $1.operations } }
}
