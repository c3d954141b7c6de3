/// The Hugging Face folders that a run writes: `export`.
public struct ExportSettings: Equatable, Sendable {
    /// Optimizer steps between exports. Nil, the default: only at the end.
    public var every: Int?
    /// The type of the exported weights. Default `.float32`.
    public var dtype: ExportType

    public init(every: Int? = nil, dtype: ExportType = .float32) {
        self.every = every
        self.dtype = dtype
    }
}

extension ExportSettings {
    static let keys = ["every", "dtype"]

    init(_ section: Section) throws(Failure) {
        self.init(every: try section.whole("every", .counts), dtype: try section.choice("dtype", default: .float32))
    }

    var written: WrittenYAML {
        .mapping([("every", every.map(WrittenYAML.whole) ?? .null), ("dtype", .text(dtype.rawValue))])
    }
}
