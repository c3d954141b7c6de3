import Settings

/// How a family's files hold the parameters of one model.
struct ModelLayout: Sendable {
    let names: TensorNames
    private let blocks: [BlockConfiguration]

    init(_ configuration: ModelConfiguration) {
        names = configuration.family.checkpoint.tensorNames
        blocks = configuration.blocks
    }

    /// Whether `parameter` has a tensor of its own, of the same shape.
    func isPlain(_ parameter: String) -> Bool {
        guard let storage = names.modules[ParameterName(parameter).module] else { return true }
        return !storage.isTransposed && storage.fused.isEmpty && storage.heads == .asVector
    }

    /// The names in the file of the tensors that hold `parameter`.
    func tensorNames(of parameter: String) -> [String] {
        let name = ParameterName(parameter)
        guard let storage = names.modules[name.module] else { return [fileName(name, of: name.module)] }
        guard storage.heads == .apart, name.leaf == ".weight" else { return [fileName(name, of: storage.name)] }
        return (0..<headCount(name)).map { fileName(name, of: "\(storage.name).\($0)") }
    }

    /// The tensors that hold `parameter`, in the order of its rows.
    ///
    /// - Parameters: the size of the parameter; a vector is one row.
    func tensors(of parameter: String, rowCount: Int, columnCount: Int) -> [TensorLayout] {
        let name = ParameterName(parameter)
        let isVector = rowCount == 1
        let whole = TensorLayout.Part(parameter: parameter, rows: 0..<(isVector ? columnCount : rowCount))
        guard let storage = names.modules[name.module], name.block.map(blocks.indices.contains) ?? true else {
            return [plain(fileName(name, of: name.module), whole, isVector ? nil : columnCount)]
        }
        let own = fileName(name, of: storage.name)
        guard storage.fused.isEmpty else {
            let isBias = name.leaf == ".bias"
            return [fused(own, storage, of: name, columnCount: isBias ? 1 : columnCount, isBias: isBias)]
        }
        switch storage.heads {
        case .asVector where storage.isTransposed && name.leaf == ".weight":
            let part = TensorLayout.Part(parameter: parameter, rows: 0..<rowCount)
            return [
                TensorLayout(
                    name: own, shape: [columnCount, rowCount], isTransposed: true, columnCount: columnCount, parts: [part])
            ]
        case .asVector: return [plain(own, whole, isVector ? nil : columnCount)]
        case .asRows:
            let count = rowCount * columnCount
            let part = TensorLayout.Part(parameter: parameter, rows: 0..<count)
            return [
                TensorLayout(name: own, shape: [headCount(name), count / headCount(name)], columnCount: 1, parts: [part])
            ]
        case .apart:
            let dimension = rowCount * columnCount / headCount(name)
            return tensorNames(of: parameter).enumerated().map { head, file in
                let part = TensorLayout.Part(parameter: parameter, rows: head * dimension..<(head + 1) * dimension)
                return TensorLayout(name: file, shape: [dimension], columnCount: 1, parts: [part], isOneHead: true)
            }
        }
    }

    func isTransposed(_ parameter: String) -> Bool {
        let name = ParameterName(parameter)
        return name.leaf == ".weight" && names.modules[name.module]?.isTransposed == true
    }

    /// The rows that `parameter` has of its fused tensor's rows. Nil if it is not fused.
    func share(of parameter: String) -> (rowCount: Int, total: Int)? {
        let name = ParameterName(parameter)
        guard let storage = names.modules[name.module], !storage.fused.isEmpty, let block = name.block else { return nil }
        return (
            rowCount(of: name.module, blocks[block]), storage.fused.reduce(0) { $0 + rowCount(of: $1, blocks[block]) }
        )
    }

    /// The names in files that may stand for the tensor `name`: its own name first.
    func spellings(of name: String) -> [String] {
        var spellings = [name]
        if let other = names.alternatives[name] { spellings.append(other) }
        if let prefix = names.omittablePrefix, name.hasPrefix(prefix) { spellings.append(String(name.dropFirst(prefix.count))) }
        return spellings
    }

    // MARK: Parts

    private func fileName(_ name: ParameterName, of module: String) -> String {
        (name.block.map { "\(names.blockPrefix)\($0)." } ?? "") + module + name.leaf
    }

    /// - Parameter columnCount: nil for a vector.
    private func plain(_ name: String, _ part: TensorLayout.Part, _ columnCount: Int?) -> TensorLayout {
        let rowCount = part.rows.count
        return TensorLayout(
            name: name, shape: columnCount.map { [rowCount, $0] } ?? [rowCount], columnCount: columnCount ?? 1, parts: [part])
    }

    private func fused(
        _ file: String, _ storage: TensorNames.Storage, of name: ParameterName, columnCount: Int, isBias: Bool
    ) -> TensorLayout {
        let block = blocks[name.block!]
        var parts: [TensorLayout.Part] = []
        if storage.isByHead {
            let dimension = block.attention.headDimension
            for head in 0..<block.attention.headCount {
                for module in storage.fused {
                    parts.append(.init(parameter: name.name(of: module), rows: head * dimension..<(head + 1) * dimension))
                }
            }
        } else {
            for module in storage.fused { parts.append(.init(parameter: name.name(of: module), rows: 0..<rowCount(of: module, block))) }
        }
        let rowCount = parts.reduce(0) { $0 + $1.rows.count }
        let isTransposed = storage.isTransposed && !isBias
        let shape = isBias ? [rowCount] : isTransposed ? [columnCount, rowCount] : [rowCount, columnCount]
        return TensorLayout(name: file, shape: shape, isTransposed: isTransposed, columnCount: columnCount, parts: parts)
    }

    /// The rows of a module that can be fused.
    private func rowCount(of module: String, _ block: BlockConfiguration) -> Int {
        switch module {
        case "self_attn.q_proj": block.attention.headCount * block.attention.headDimension
        case "self_attn.k_proj", "self_attn.v_proj": block.attention.keyValueHeadCount * block.attention.headDimension
        case "mlp.gate_proj", "mlp.up_proj": block.feedForward.size
        default: brokenInvariant("\(module) is never fused")
        }
    }

    private func headCount(_ name: ParameterName) -> Int {
        let attention = blocks[name.block!].attention
        return name.module == "self_attn.k_norm" ? attention.keyValueHeadCount : attention.headCount
    }
}
