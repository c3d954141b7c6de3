import Settings

/// The parameters that a model's layers declare, in their order. A layer keeps the indices of its own.
struct ParameterList {
    private(set) var specifications: [ParameterSpecification] = []
    /// σ of the matrices that follow.
    var standardDeviation: Double

    var nextIndex: Int { specifications.count }

    init(standardDeviation: Double) { self.standardDeviation = standardDeviation }

    mutating func matrix(_ name: String, _ rows: Int, _ columns: Int, _ cut: ParameterSpecification.Cut) -> Int {
        add(
            ParameterSpecification(
                name: name, rowCount: rows, columnCount: columns, isVector: false,
                initialisation: .normal(standardDeviation: standardDeviation), cut: cut))
    }

    /// A norm's weight or a bias, `[1, count]`.
    mutating func vector(
        _ name: String, _ count: Int, _ cut: ParameterSpecification.Cut, _ initialisation: ParameterSpecification.Initialisation
    ) -> Int {
        add(
            ParameterSpecification(
                name: name, rowCount: 1, columnCount: count, isVector: true, initialisation: initialisation, cut: cut))
    }

    private mutating func add(_ specification: ParameterSpecification) -> Int {
        specifications.append(specification)
        return specifications.count - 1
    }
}
