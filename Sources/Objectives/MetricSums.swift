import Settings

/// The sums behind an objective's metrics, by name. A metric is a sum divided by a count, both over a whole step.
public struct MetricSums: Equatable, Sendable {
    /// In the order in which they are reported.
    public let names: [String]
    private var sums: [MetricSum]

    public init(_ names: [String]) {
        self.names = names
        sums = names.map { _ in MetricSum() }
    }

    /// One of `names`; another name is a broken invariant.
    public subscript(name: String) -> MetricSum {
        get { sums[index(of: name)] }
        set { sums[index(of: name)] = newValue }
    }

    /// Adds `sum` over `count` pairs or tokens to a metric.
    public mutating func add(_ sum: Double, count: Int = 1, to name: String) {
        self[name] += MetricSum(sum: sum, count: Double(count))
    }

    public mutating func add<Name: RawRepresentable<String>>(_ sum: Double, count: Int = 1, to name: Name) {
        add(sum, count: count, to: name.rawValue)
    }

    public static func += (sums: inout MetricSums, others: MetricSums) {
        invariant(sums.names == others.names, "sums of the same metrics are added")
        for index in sums.sums.indices { sums.sums[index] += others.sums[index] }
    }

    /// Sum and count of each metric, in the order of `names`.
    public var numbers: [Double] {
        get { sums.flatMap { [$0.sum, $0.count] } }
        set {
            invariant(newValue.count == 2 * names.count, "a sum and a count for each metric")
            for index in names.indices { sums[index] = MetricSum(sum: newValue[2 * index], count: newValue[2 * index + 1]) }
        }
    }

    private func index(of name: String) -> Int {
        guard let index = names.firstIndex(of: name) else { brokenInvariant("the objective has no metric \(name)") }
        return index
    }
}
