import Foundation
import Settings
import Tensors
import TestSupport
import Testing

@testable import Weights

@Suite struct LayerSelectionTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A checkpoint of four blocks with one vector each, whose values name their block.
    private func checkpoint(_ changes: [String: String?] = [:]) throws -> HuggingFaceCheckpoint {
        try folder.write(
            "config.json", text: configuration(changes.merging(["num_hidden_layers": "4"]) { $1 }))
        let names = ["model.norm.weight"] + (0..<4).map { "model.layers.\($0).input_layernorm.weight" }
        let header = names.enumerated().map { entry($1, "F32", [2], 8 * $0, 8 * $0 + 8) }.joined(separator: ",")
        let values = names.indices.flatMap { [Float($0) - 1, .pi * Float($0)] }
        try folder.write("model.safetensors", safetensors("{" + header + "}", data: bytes(values)))
        return try HuggingFaceCheckpoint(folder: folder.path)
    }

    private func select(
        _ layers: [Int], _ changes: [String: String?] = [:]
    ) throws -> LayerSelection {
        try LayerSelection(checkpoint(changes), layers: layers, place: "run.yaml")
    }

    private func first(_ selection: LayerSelection, _ name: String) throws -> Float {
        try selection.matrix(named: name, rowCount: 1, columnCount: 2).widened[0]
    }

    @Test("block i is the chosen block, in any order and more than once; other tensors are the checkpoint's")
    func blocks() throws {
        let selection = try select([3, 0, 0])
        #expect(selection.configuration.layerCount == 3)
        #expect(try first(selection, "model.layers.0.input_layernorm.weight") == 3)
        #expect(try first(selection, "model.layers.1.input_layernorm.weight") == 0)
        #expect(try first(selection, "model.layers.2.input_layernorm.weight") == 0)
        #expect(try first(selection, "model.norm.weight") == -1)
    }

    @Test("all layers in their order are the checkpoint")
    func identity() throws {
        let selection = try select([0, 1, 2, 3])
        #expect(selection.configuration == selection.checkpoint.configuration)
        for name in selection.checkpoint.tensorNames {
            let own = try selection.matrix(named: name, rowCount: 1, columnCount: 2)
            let whole = try selection.checkpoint.matrix(named: name, rowCount: 1, columnCount: 2)
            #expect(own.byteOffset == whole.byteOffset)
        }
    }

    @Test("config.json has the chosen layers' types, a window limit that fits, and all else as it was")
    func configurationJSON() throws {
        let selection = try select(
            [1, 2],
            [
                "model_type": "\"qwen2\"", "max_window_layers": "28", "rms_norm_eps": "1e-06",
                "layer_types": "[\"full_attention\", \"full_attention\", \"full_attention\", \"full_attention\"]",
            ])
        let json = try #require(
            try JSONSerialization.jsonObject(with: selection.configurationJSON) as? [String: Any])
        #expect(json["num_hidden_layers"] as? Int == 2)
        #expect(json["max_window_layers"] as? Int == 2)
        #expect(json["layer_types"] as? [String] == ["full_attention", "full_attention"])
        #expect(String(decoding: selection.configurationJSON, as: UTF8.self).contains("\"rms_norm_eps\": 1e-06"))
        #expect(json.count == 11)
        let read = try HuggingFaceConfiguration.parse(selection.configurationJSON, origin: "config.json")
        #expect(read == selection.configuration)
        #expect(read.layerCount == 2)
    }

    @Test("a window limit that is below the number of chosen layers stays")
    func windowLimit() throws {
        let json = try select([0, 1, 2], ["max_window_layers": "1"]).configurationJSON
        #expect(String(decoding: json, as: UTF8.self).contains("\"max_window_layers\": 1"))
    }

    @Test("a chosen layer keeps its window and its positions, whatever its new number is")
    func differingLayers() throws {
        let windows = ["model_type": "\"qwen2\"", "use_sliding_window": "true", "sliding_window": "7", "max_window_layers": "2"]
        let selection = try select([3, 0], windows)
        #expect(selection.configuration.blocks.map(\.attention.window) == [7, nil])
        #expect(try HuggingFaceConfiguration.parse(selection.configurationJSON, origin: "x") == selection.configuration)
        let still = try select([0, 3], ["model_type": "\"smollm3\"", "no_rope_layer_interval": "2"])
        #expect(still.configuration.blocks.map { $0.attention.rotary == nil } == [false, true])
        #expect(try HuggingFaceConfiguration.parse(still.configurationJSON, origin: "x") == still.configuration)
        let json = try #require(try JSONSerialization.jsonObject(with: still.configurationJSON) as? [String: Any])
        #expect(json["no_rope_layers"] as? [Int] == [1, 0])
    }

    @Test("layers that a family can't describe in another order are refused")
    func undescribed() throws {
        let scores =
            [
                "model_type": "\"gpt2\"", "n_embd": "8", "n_layer": "4", "n_head": "4", "n_positions": "4", "attn_pdrop": "0", "embd_pdrop": "0",
                "resid_pdrop": "0", "scale_attn_by_inverse_layer_idx": "true", "hidden_size": nil, "num_hidden_layers": nil,
                "num_attention_heads": nil, "num_key_value_heads": nil, "intermediate_size": nil, "rms_norm_eps": nil,
            ] as [String: String?]
        try folder.write("config.json", text: configuration(scores))
        let names = ["transformer.ln_f.weight"]
        let header = names.map { entry($0, "F32", [2], 0, 8) }.joined(separator: ",")
        try folder.write("model.safetensors", safetensors("{" + header + "}", data: bytes([1, 2])))
        let checkpoint = try HuggingFaceCheckpoint(folder: folder.path)
        let failure = try #require(throws: Failure.self) { try LayerSelection(checkpoint, layers: [3, 0], place: "run.yaml") }
        #expect(failure.exitCode == .configuration && failure.reason.contains("can't be described"))
        #expect(throws: Never.self) { try LayerSelection(checkpoint, layers: [0, 1], place: "run.yaml") }
    }

    @Test("a layer that the checkpoint lacks is refused by name", arguments: [[0, 4], [-1], [0, 1, 2, 3, 7]])
    func beyond(layers: [Int]) throws {
        let failure = try #require(throws: Failure.self) { try select(layers) }
        #expect(failure.exitCode == .configuration)
        #expect(failure.place == "run.yaml: model.initialize_from.layers")
        let wrong = try #require(layers.first { !(0..<4).contains($0) })
        #expect(failure.reason == "names layer \(wrong), but \(folder.path) has 4 layers")
        #expect(failure.remedy == "Use layers from 0 to 3.")
    }

    @Test("no layers are refused")
    func none() throws {
        let failure = try #require(throws: Failure.self) { try select([]) }
        #expect(failure.exitCode == .configuration && failure.reason.contains("is empty"))
    }

    @Test("a list of layer types that is not as long as the layers is refused")
    func wrongList() throws {
        let failure = try #require(throws: Failure.self) {
            try select([0], ["layer_types": "[\"full_attention\"]"])
        }
        #expect(failure.exitCode == .damagedData)
        #expect(failure.reason == "layer_types lists 1 layers, but num_hidden_layers = 4")
    }
}
