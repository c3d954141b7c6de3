/// `references.NAME.layout`: the layout of the reference's ranks.
public enum ReferenceLayout: Equatable, Sendable {
    /// The policy's number of tensor ranks. The number of data ranks follows from the number of the reference's ranks.
    case same
    /// If `data` is nil, it is the number of the reference's ranks divided by `tensor`.
    case own(data: Int?, tensor: Int)
}

extension ReferenceLayout {
    static let keys = ["data", "tensor", "pipeline"]

    init(_ section: Section) throws(Failure) {
        guard let node = section["layout"], !node.isNull else {
            self = .same
            return
        }
        if case .scalar("same", _) = node.content {
            self = .same
            return
        }
        guard case .mapping = node.content else {
            throw section.failure(
                "layout", "is \(node.shown), not a layout", remedy: "Write same, or a mapping such as {data: 1, tensor: 2}.")
        }
        let layout = try section.section("layout", keys: ReferenceLayout.keys)
        try layout.requireOnly("1", "pipeline")
        self = .own(data: try layout.whole("data", .ranks), tensor: try layout.whole("tensor", .ranks, default: 1))
    }

    var written: WrittenYAML {
        switch self {
        case .same: .text("same")
        case .own(let data, let tensor):
            .mapping([("data", data.map(WrittenYAML.whole) ?? .null), ("tensor", .whole(tensor))])
        }
    }
}
