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
        configuration.layerCount = layers.count
        self.configuration = configuration
        configurationJSON = try HuggingFaceConfiguration.json(
            checkpoint.configurationJSON, keepingLayers: layers, of: count,
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
    /// `layer_types` keeps the elements of the chosen layers. `max_window_layers` is lowered to the number of chosen layers. No
    /// layer of the full model has a window, so the chosen layers must have none either.
    ///
    /// - Parameter count: the number of layers in `json`.
    /// - Throws: `Failure` (damaged data) if `json` is not an object, or if `layer_types` lists another number of layers.
    static func json(
        _ json: Data, keepingLayers layers: [Int], of count: Int, origin: String
    ) throws(Failure) -> Data {
        guard var members = try JSONValue([UInt8](json), place: origin).members else {
            throw .damaged(origin, "is not a JSON object", remedy: "Give a Hugging Face config.json.")
        }
        for index in members.indices {
            switch (members[index].name.string, members[index].value) {
            case ("num_hidden_layers", _): members[index].value = .integer(layers.count)
            case ("max_window_layers", let value):
                if let limit = value.wholeNumber { members[index].value = .integer(min(limit, layers.count)) }
            case ("layer_types", .array(let types)):
                guard types.count == count else {
                    throw .damaged(
                        origin, "layer_types lists \(types.count) layers, but num_hidden_layers = \(count)",
                        remedy: "Correct config.json or download it again.")
                }
                members[index].value = .array(layers.map { types[$0] })
            default: continue
            }
        }
        return JSONValue.object(members).file
    }
}
