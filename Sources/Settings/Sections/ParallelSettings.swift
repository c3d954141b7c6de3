/// The number of ranks on each axis of the mesh: `parallel`.
public struct ParallelSettings: Equatable, Sendable {
    /// Data ranks. Nil, the default: the job's ranks divided by `tensor`.
    public var data: Int?
    /// Tensor ranks. Default 1.
    public var tensor: Int
    /// What is sharded over the data ranks. Default: nothing.
    public var zero: ZeroStage

    public init(data: Int? = nil, tensor: Int = 1, zero: ZeroStage = .nothing) {
        self.data = data
        self.tensor = tensor
        self.zero = zero
    }

    /// The layout for a job of `rankCount` ranks.
    ///
    /// - Parameter file: the configuration's name, for errors.
    /// - Throws: `Failure` (configuration) with a number of ranks that fits.
    public func layout(rankCount: Int, file: String) throws(Failure) -> ParallelLayout {
        invariant(rankCount > 0, "a job has at least one rank")
        let ranks = rankCount == 1 ? "1 rank" : "\(rankCount) ranks"
        guard let data else {
            if rankCount.isMultiple(of: tensor) { return ParallelLayout(data: rankCount / tensor, tensor: tensor) }
            let fitting = max(tensor, rankCount / tensor * tensor)
            throw .configuration(
                "\(file): parallel.tensor", "is \(tensor), which does not divide the job's \(ranks)",
                remedy: "Start the job with mpirun -n \(fitting), or change parallel.tensor.")
        }
        guard data * tensor == rankCount else {
            throw .configuration(
                "\(file): parallel.data",
                "is \(data), and with parallel.tensor = \(tensor) the layout takes \(data * tensor), not the job's \(ranks)",
                remedy: "Start the job with mpirun -n \(data * tensor), or leave parallel.data out.")
        }
        return ParallelLayout(data: data, tensor: tensor)
    }

    /// Refuses to shard optimizer state over a single data rank, because it would keep all of it anyway.
    ///
    /// - Parameter file: the configuration's name, for errors.
    /// - Throws: `Failure` (configuration) for `parallel.zero`.
    public func checkZero(in layout: ParallelLayout, file: String) throws(Failure) {
        guard zero != .nothing, layout.data == 1 else { return }
        throw .configuration(
            "\(file): parallel.zero",
            "is \(zero.rawValue), but the layout \(layout) has one data rank, and optimizer state is sharded over data ranks",
            remedy: "Start the job with mpirun -n \(2 * layout.tensor) or more, or set parallel.zero to 0.")
    }
}

extension ParallelSettings {
    static let keys = ["data", "tensor", "pipeline", "zero"]

    init(_ section: Section) throws(Failure) {
        try section.requireOnly("1", "pipeline")
        self.init(
            data: try section.whole("data", .ranks), tensor: try section.whole("tensor", .ranks, default: 1),
            zero: try section.choice("zero") ?? .nothing)
    }

    var written: WrittenYAML {
        .mapping([
            ("data", data.map(WrittenYAML.whole) ?? .null), ("tensor", .whole(tensor)), ("pipeline", .whole(1)),
            ("zero", .whole(zero == .nothing ? 0 : 1)),
        ])
    }
}
