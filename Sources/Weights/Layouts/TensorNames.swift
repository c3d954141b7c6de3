/// How the files of a family name and join the parameters.
///
/// A parameter's name is a module and `weight` or `bias`. The modules of block N begin with `model.layers.N.`; here they are
/// named without it. A module that is not listed has the same name in the file.
struct TensorNames: Sendable {
    /// How a module is stored.
    struct Storage: Sendable {
        /// The module's name in the file.
        var name: String
        var isTransposed = false
        /// All modules that are fused in the file's module, in their order; empty if the module has its own.
        var fused: [String] = []
        /// Whether the fused modules alternate head by head, instead of one after the other.
        var isByHead = false
        var heads = Heads.asVector
    }

    /// How a weight of all heads is stored.
    enum Heads: Sendable {
        case asVector
        /// A matrix with a row for each head.
        case asRows
        /// A tensor for each head, with the head's number behind the module's name.
        case apart
    }

    /// What blocks have in place of `model.layers.`.
    var blockPrefix = "model.layers."
    var modules: [String: Storage] = [:]
    /// A prefix of names that some files leave out.
    var omittablePrefix: String?
    /// Other names of tensors in some files.
    var alternatives: [String: String] = [:]
    /// Ends of the names of tensors that hold no parameter. They follow from `config.json`.
    var harmlessSuffixes: [String] = []

    // MARK: The list of a family

    func renaming(_ module: String, to name: String, isTransposed: Bool = false) -> TensorNames {
        adding(module, Storage(name: name, isTransposed: isTransposed))
    }

    func fusing(_ modules: [String], into name: String, isTransposed: Bool = false, isByHead: Bool = false) -> TensorNames {
        modules.reduce(self) {
            $0.adding($1, Storage(name: name, isTransposed: isTransposed, fused: modules, isByHead: isByHead))
        }
    }

    func splittingHeads(_ module: String, into name: String) -> TensorNames {
        adding(module, Storage(name: name, heads: .apart))
    }

    func shapingHeads(_ module: String) -> TensorNames {
        adding(module, Storage(name: module, heads: .asRows))
    }

    private func adding(_ module: String, _ storage: Storage) -> TensorNames {
        var names = self
        names.modules[module] = storage
        return names
    }
}

extension TensorNames {
    /// Norms behind attention and feed-forward layers, as OLMo 2 names them.
    static let normsBehind = TensorNames()
        .renaming("attention_output_layernorm", to: "post_attention_layernorm")
        .renaming("feed_forward_output_layernorm", to: "post_feedforward_layernorm")

    /// Norms before and behind, as Gemma 2 names them.
    static let sandwich = normsBehind.renaming("post_attention_layernorm", to: "pre_feedforward_layernorm")
}
