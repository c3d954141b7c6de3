/// The ranks and the layout of a reference that does not use the policy's layout: `layout` and `ranks`.
///
/// The listed ranks form a layout of their own: the i-th listed rank has data index i / tensor and tensor index i mod tensor.
public struct ReferencePlacement: Equatable, Sendable {
    /// World ranks that hold the reference, each rank once.
    public let ranks: [Int]
    public let layout: ParallelLayout

    public init(ranks: [Int], layout: ParallelLayout) {
        invariant(ranks.count == layout.rankCount, "every listed rank has a place")
        self.ranks = ranks
        self.layout = layout
    }

    /// The ranks of each copy of the model, in the order of their tensor indices.
    public var replicas: [[Int]] {
        (0..<layout.data).map { Array(ranks[($0 * layout.tensor)..<(($0 + 1) * layout.tensor)]) }
    }
}

extension ReferenceSettings {
    /// The reference's placement. Nil if it has the policy's layout: then each rank computes the reference values that it uses.
    ///
    /// - Parameter policy: the layout of all ranks.
    /// - Throws: `Failure` (configuration) with the key, and a value that fits.
    public func placement(policy: ParallelLayout, file: String) throws(Failure) -> ReferencePlacement? {
        let ranks = try checkedRanks(rankCount: policy.rankCount, file: file)
        let place = "\(file): references.\(name).layout"
        var layout = policy
        switch self.layout {
        case .same:
            guard ranks.count == policy.rankCount else {
                guard ranks.count.isMultiple(of: policy.tensor) else {
                    throw .configuration(
                        place, "is the policy's: \(policy.tensor) tensor ranks don't divide the rank count \(ranks.count)",
                        remedy: "Give it a layout of its own, such as {data: \(ranks.count), tensor: 1}.")
                }
                layout = ParallelLayout(data: ranks.count / policy.tensor, tensor: policy.tensor)
                break
            }
        case .own(let data, let tensor):
            layout = ParallelLayout(data: data ?? max(1, ranks.count / tensor), tensor: tensor)
            guard layout.rankCount == ranks.count else {
                throw .configuration(
                    place,
                    "is \(layout), which takes \(layout.rankCount) rank\(layout.rankCount == 1 ? "" : "s"), but it has \(ranks.count)",
                    remedy: "Choose data · tensor = \(ranks.count), or list other ranks.")
            }
        }
        let placement = ReferencePlacement(ranks: ranks, layout: layout)
        return placement == ReferencePlacement(ranks: Array(0..<policy.rankCount), layout: policy) ? nil : placement
    }

    private func checkedRanks(rankCount: Int, file: String) throws(Failure) -> [Int] {
        guard let ranks else { return Array(0..<rankCount) }
        let place = "\(file): references.\(name).ranks"
        if let missing = ranks.first(where: { $0 >= rankCount }) {
            throw .configuration(
                place, "names rank \(missing), but the job has \(rankCount)",
                remedy: "Ranks are counted from 0: the last one is \(rankCount - 1).")
        }
        return ranks
    }
}

extension ReferenceSettings {
    /// Reads `ranks`; nil means all ranks.
    static func ranks(_ section: Section) throws(Failure) -> [Int]? {
        let remedy = "List ranks of the job, counted from 0, such as [0, 1]."
        guard let list = try section.list("ranks", remedy: remedy) else { return nil }
        var ranks: [Int] = []
        for index in list.keys {
            let rank = try list.required(index, list.whole(index, .indices), remedy: remedy)
            guard !ranks.contains(rank) else {
                throw list.failure(index, "names rank \(rank) a second time", remedy: "List each rank once.")
            }
            ranks.append(rank)
        }
        return ranks
    }
}
