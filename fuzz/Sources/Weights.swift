import Foundation
import Settings
import Tensors
import TestSupport

@testable import Weights

extension FuzzTarget {
    static let safetensors = FuzzTarget(
        name: "safetensors",
        seeds: {
            let header =
                #"{"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
                + #""b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"c":{"dtype":"F16","shape":[1,2],"data_offsets":[32,36]},"#
                + #""d":{"dtype":"I64","shape":[],"data_offsets":[36,44]}}"#
            return [safetensorsFile(header, dataByteCount: 44)]
        },
        read: { input in
            let file = try SafetensorsFile(path: Scratch.write("model.safetensors", input))
            for tensor in file.tensors where tensor.type.elementType != nil && (1...2).contains(tensor.shape.count) {
                let columns = tensor.shape.last!
                let rows = tensor.shape.count == 2 ? tensor.shape[0] : 1
                guard tensor.elementCount > 0 else { continue }
                let matrix = try file.matrix(named: tensor.name, rowCount: rows, columnCount: columns)
                matrix.widen(into: Matrix(rowCount: rows, columnCount: columns))
            }
        })

    /// A folder whose index is the input, beside two good files and a good configuration.
    static let index = FuzzTarget(
        name: "index",
        seeds: {
            [
                Array(
                    #"{"metadata":{"total_size":48},"weight_map":{"a":"one.safetensors","b":"two.safetensors","c":"two.safetensors"}}"#
                        .utf8)
            ]
        },
        read: { input in
            let folder = Scratch.folder + "/indexed"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let files = [
                "indexed/config.json": Array(smallConfiguration.utf8),
                "indexed/one.safetensors": safetensorsFile(
                    #"{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#, dataByteCount: 16),
                "indexed/two.safetensors": safetensorsFile(
                    #"{"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"c":{"dtype":"F32","shape":[4],"data_offsets":[16,32]}}"#,
                    dataByteCount: 32),
            ]
            for (name, bytes) in files where !FileManager.default.fileExists(atPath: "\(Scratch.folder)/\(name)") {
                _ = Scratch.write(name, bytes)
            }
            _ = Scratch.write("indexed/" + HuggingFaceIndex.fileName, input)
            let checkpoint = try HuggingFaceCheckpoint(folder: folder)
            precondition(Set(checkpoint.tensorNames).isSubset(of: ["a", "b", "c"]), "a file outside of the folder")
            try checkpoint.checkNothingUnexpected(known: ["a", "b", "c"])
        })

    static let modelConfiguration = FuzzTarget(
        name: "config",
        seeds: {
            [
                Array(smallConfiguration.utf8),
                Array(
                    #"""
                    {"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","hidden_size":16,"intermediate_size":24,
                    "num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":32,"rms_norm_eps":1e-6,
                    "rope_parameters":{"rope_theta":1000000.0,"rope_type":"default"},"tie_word_embeddings":false,
                    "max_position_embeddings":128,"layer_types":["full_attention","full_attention"],"sliding_window":null}
                    """#.utf8),
            ]
        },
        read: { input in
            let configuration = try HuggingFaceConfiguration.parse(Data(input), origin: "config.json")
            precondition(configuration.parameterCount > 0 && configuration.headsPerGroup > 0)
            let written = HuggingFaceConfiguration.json(for: configuration, elementType: .float32)
            let again = try HuggingFaceConfiguration.parse(written, origin: "written")
            precondition(again == configuration, "what is written reads back as another model")
            _ = try HuggingFaceConfiguration.json(Data(input), withElementType: .bfloat16, origin: "config.json")
        })

    static let gguf = FuzzTarget(
        name: "gguf",
        seeds: { [tinyGGUF("llama").file, quantised("llama", type: 8, blockByteCount: 34), quantised("qwen2", type: 3, blockByteCount: 20)] },
        read: { input in
            let file = try GGUFFile(path: Scratch.write("model.gguf", input))
            _ = (file.title, file.architecture, file.elementTypeSummary, file.totalParameterCount)
            let checkpoint = try GGUFCheckpoint(file)
            for entry in checkpoint.table.entries { _ = checkpoint.rows(0..<entry.rowCount, of: entry) }
            _ = try checkpoint.configurationJSON(elementType: .float32)
            _ = (checkpoint.tokenizer.files, checkpoint.tokenizerSummary)
        })

    /// With feed-forward weights in blocks of 32: ggml's types 8 (Q8_0) and 3 (Q4_1).
    private static func quantised(_ family: String, type: UInt32, blockByteCount: Int) -> [UInt8] {
        var builder = tinyGGUF(family, feedForward: 32)
        builder.change("blk.0.ffn_down.weight") {
            $0.type = type
            $0.data = (0..<8 * blockByteCount).map { UInt8(truncatingIfNeeded: $0) }
        }
        return builder.file
    }

    private static let smallConfiguration = #"""
        {"architectures":["LlamaForCausalLM"],"attention_bias":false,"bos_token_id":1,"hidden_act":"silu","hidden_size":8,
        "intermediate_size":12,"max_position_embeddings":64,"mlp_bias":false,"model_type":"llama","num_attention_heads":4,
        "num_hidden_layers":1,"num_key_value_heads":2,"rms_norm_eps":1e-05,"rope_theta":10000.0,"tie_word_embeddings":true,
        "torch_dtype":"float32","use_cache":true,"vocab_size":10}
        """#

    private static func safetensorsFile(_ header: String, dataByteCount: Int) -> [UInt8] {
        let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        return length + Array(header.utf8) + (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0 * 7) }
    }
}
