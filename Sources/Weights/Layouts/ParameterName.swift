/// The parts of a parameter's name: `model.layers.3.self_attn.q_proj.weight` is the weight of the module `self_attn.q_proj` of
/// block 3.
struct ParameterName {
    static let blockPrefix = "model.layers."

    /// Nil for a parameter outside the blocks.
    let block: Int?
    let module: String
    /// `weight` or `bias`, with a dot before it; empty if the name has none.
    let leaf: String

    init(_ name: String) {
        var rest = name[...]
        var block: Int?
        if name.hasPrefix(ParameterName.blockPrefix) {
            let inner = rest.dropFirst(ParameterName.blockPrefix.count)
            let digits = inner.prefix { $0 != "." }
            if let index = Int(digits), index >= 0, String(index) == digits, inner.count > digits.count + 1 {
                block = index
                rest = inner.dropFirst(digits.count + 1)
            }
        }
        let end = [".weight", ".bias"].first(where: rest.hasSuffix) ?? ""
        self.block = block
        module = String(rest.dropLast(end.count))
        leaf = end
    }

    /// The name of the same parameter of another module of the block.
    func name(of module: String) -> String { (block.map { "\(ParameterName.blockPrefix)\($0)." } ?? "") + module + leaf }
}
