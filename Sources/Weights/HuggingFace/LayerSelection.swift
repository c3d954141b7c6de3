import Foundation
import JSON
import Settings
import Tensors

/// A model of chosen blocks of a checkpoint, with its embedding, final norm and head. A student starts from such a model.
///
/// Block i reads the checkpoint's block `layers[i]`. A block may be chosen more than once, and in any order. Nothing is
/// copied: tensors stay views of the checkpoint's files.
public struct LayerSelection: ParameterSource, Sendable {
    public let checkpoint: HuggingFaceCheckpoint
    /// The index of the checkpoint's block for each block of the model.
    public let layers: [Int]
    /// The checkpoint's configuration with the number of chosen layers.
    public let configuration: ModelConfiguration
    /// The checkpoint's `config.json` for the chosen blocks. All other numbers are unchanged.
    public let configurationJSON: Data

    /// - Parameter place: the configuration's file, for errors.
    /// - Throws: `Failure`: configuration if a block does not exist or none is chosen, damaged data if `layer_types` and
    ///   `num_hidden_layers` in `config.json` disagree.
    public init(_ checkpoint: HuggingFaceCheckpoint, layers: [Int], place: String) throws(Failure) {
        let count = checkpoint.configuration.layerCount
        let key = "\(place): model.initialize_from.layers"
        guard !layers.isEmpty else {
            throw .configuration(
                key, "is empty, but a model needs at least one layer",
                remedy: "List layers of \(checkpoint.folder), from 0 to \(count - 1).")
        }
        if let wrong = layers.first(where: { !(0..<count).contains($0) }) {
            throw .configuration(
                key, "names layer \(wrong), but \(checkpoint.folder) has \(count) layer\(count == 1 ? "" : "s")",
                remedy: "Use layers from 0 to \(count - 1).")
        }
        self.checkpoint = checkpoint
        self.layers = layers
        var configuration = checkpoint.configuration
        configuration.blocks = layers.map { checkpoint.configuration.blocks[$0] }
        self.configuration = configuration
        configurationJSON = try HuggingFaceConfiguration.json(
            checkpoint.configurationJSON, keepingLayers: layers, of: checkpoint.configuration,
            origin: checkpoint.folder + "/config.json")
    }

    public func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        try checkpoint.matrix(named: sourceName(of: name), rowCount: rowCount, columnCount: columnCount)
    }

    /// The name in the checkpoint of the model's tensor `name`.
    func sourceName(of name: String) -> String {
        let prefix = "model.layers."
        guard name.hasPrefix(prefix) else { return name }
        let rest = name.dropFirst(prefix.count)
        let digits = rest.prefix { $0 != "." }
        guard let layer = Int(digits), layers.indices.contains(layer) else { return name }
        return prefix + String(layers[layer]) + rest.dropFirst(digits.count)
    }
}

extension HuggingFaceConfiguration {
    /// A `config.json` for the chosen layers. All other numbers are unchanged.
    ///
    /// `layer_types` keeps the elements of the chosen layers. `max_window_layers` is lowered to the number of chosen layers. A
    /// model whose layers differ gets the lists that say so, because defaults go by the number of a layer.
    ///
    /// - Parameter model: the model of `json`.
    /// - Throws: `Failure` (damaged data) if `json` is not an object, or if `layer_types` lists another number of layers;
    ///   configuration if the family's `config.json` can't describe the chosen layers.
    static func json(
        _ json: Data, keepingLayers layers: [Int], of model: ModelConfiguration, origin: String
    ) throws(Failure) -> Data {
        let count = model.layerCount
        guard var members = try JSONValue([UInt8](json), place: origin).members else {
            throw .damaged(origin, "is not a JSON object", remedy: "Give a Hugging Face config.json.")
        }
        for index in members.indices {
            switch (members[index].name.string, members[index].value) {
            case ("num_hidden_layers", _), ("n_layer", _): members[index].value = .integer(layers.count)
            case ("max_window_layers", let value):
                if let limit = value.wholeNumber { members[index].value = .integer(min(limit, layers.count)) }
            case ("layer_types", .array(let types)), ("no_rope_layers", .array(let types)):
                guard types.count == count else {
                    throw .damaged(
                        origin, "\(members[index].name.string) lists \(types.count) layers, but num_hidden_layers = \(count)",
                        remedy: "Correct config.json or download it again.")
                }
                members[index].value = .array(layers.map { types[$0] })
            default: continue
            }
        }
        let chosen = layers.map { model.blocks[$0] }
        addLists(of: chosen, model, to: &members)
        let written = JSONValue.object(members).file
        guard try parse(written, origin: origin).blocks == chosen else {
            throw .configuration(
                origin, "the chosen layers can't be described by a config.json of \(model.family.rawValue)",
                remedy: "Choose layers in the order and the pattern of the whole model.")
        }
        return written
    }

    /// Adds the lists of layers that the family reads, where the layers differ and the lists are not there yet.
    private static func addLists(
        of blocks: [BlockConfiguration], _ model: ModelConfiguration, to members: inout [JSONValue.Member]
    ) {
        let read = model.family.checkpoint.fields
        func add(_ name: String, _ values: [JSONValue]) {
            guard read.contains(name), !members.contains(where: { $0.name.string == name && $0.value != .null }) else { return }
            members.removeAll { $0.name.string == name }
            members.append(.init(name: JSONString(name), value: .array(values)))
        }
        if model.blocks.contains(where: { $0.attention.window != nil }) {
            add("layer_types", blocks.map { .text($0.attention.window == nil ? "full_attention" : "sliding_attention") })
        }
        if model.blocks.contains(where: { $0.attention.rotary == nil }) {
            add("no_rope_layers", blocks.map { .integer($0.attention.rotary == nil ? 0 : 1) })
        }
    }
}
