import Foundation
import Settings
import Tensors
import TestSupport
import Testing

@testable import Weights

/// Fused, transposed and split tensors: read as parameters, and written again.
@Suite struct ModelLayoutTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A tensor of a file, of bfloat16 numbers that differ.
    private struct Stored {
        let name: String
        let shape: [Int]
        var count: Int { shape.reduce(1, *) }
    }

    /// Writes a folder whose k-th number, over all tensors, is k.
    @discardableResult
    private func write(_ tensors: [Stored], config: String, to name: String = "source") throws -> HuggingFaceCheckpoint {
        var entries: [String] = []
        var values: [Float] = []
        for tensor in tensors {
            let first = values.count
            values += (first..<first + tensor.count).map(Float.init)
            entries.append(entry(tensor.name, "F32", tensor.shape, 4 * first, 4 * values.count))
        }
        try folder.write("\(name)/config.json", text: config)
        try folder.write("\(name)/model.safetensors", safetensors("{" + entries.joined(separator: ",") + "}", data: bytes(values)))
        return try HuggingFaceCheckpoint(folder: folder.path + "/" + name)
    }

    /// Reads `parameters` and writes them as an export does, in bands of `rows` rows.
    private func exported(
        _ checkpoint: HuggingFaceCheckpoint, _ parameters: [(String, [Int])], rows: Int
    ) throws -> HuggingFaceCheckpoint {
        let destination = folder.path + "/out-\(rows)"
        var export = try HuggingFaceExport(
            to: destination, configurationJSON: checkpoint.configurationJSON,
            tensors: parameters.map { .init(name: $0.0, elementType: .float32, shape: $0.1) })
        for (name, shape) in parameters {
            let (rowCount, columnCount) = (shape.count == 1 ? 1 : shape[0], shape.last!)
            let stored = try checkpoint.matrix(named: name, rowCount: rowCount, columnCount: columnCount)
            for first in stride(from: 0, to: rowCount, by: rows) {
                let band = stored.rows(first..<min(first + rows, rowCount))
                let floats = Matrix(rowCount: band.rowCount, columnCount: columnCount)
                band.upcast(into: floats)
                try export.append(floats, to: name)
            }
        }
        try export.commit()
        return try HuggingFaceCheckpoint(folder: destination)
    }

    /// Checks that a round trip gives every tensor of the file again, bit for bit, and nothing else.
    private func checkRoundTrip(_ tensors: [Stored], _ checkpoint: HuggingFaceCheckpoint, _ parameters: [(String, [Int])]) throws {
        #expect(throws: Never.self) { try checkpoint.checkNothingUnexpected(known: Set(parameters.map(\.0))) }
        for rows in [1, 2, 100] {
            let written = try exported(checkpoint, parameters, rows: rows)
            #expect(Set(written.tensorNames) == Set(tensors.map(\.name)))
            for tensor in tensors {
                #expect(written.files[0].tensor(named: tensor.name)?.shape == tensor.shape)
                let now = try written.files[0].matrix(named: tensor.name, shape: tensor.shape).widened
                #expect(try now == checkpoint.files[0].matrix(named: tensor.name, shape: tensor.shape).widened, "\(tensor.name)")
            }
            #expect(written.configuration == checkpoint.configuration)
        }
    }

    private func widened(_ checkpoint: HuggingFaceCheckpoint, _ name: String, _ rowCount: Int, _ columnCount: Int) throws -> [Float] {
        try checkpoint.matrix(named: "model.layers.0." + name, rowCount: rowCount, columnCount: columnCount).widened
    }

    /// Parameters of the three projections.
    private func projections(_ leaf: String, _ shape: [Int]) -> [(String, [Int])] {
        ["q_proj", "k_proj", "v_proj"].map { ("model.layers.0.self_attn.\($0).\(leaf)", shape) }
    }

    private let phi3 = configuration([
        "model_type": "\"phi3\"", "hidden_size": "4", "num_attention_heads": "2", "num_key_value_heads": "1", "intermediate_size": "3",
        "tie_word_embeddings": "false",
    ])
    private let phi3Tensors = [
        Stored(name: "model.layers.0.self_attn.qkv_proj.weight", shape: [8, 4]),
        Stored(name: "model.layers.0.mlp.gate_up_proj.weight", shape: [6, 4]),
    ]

    @Test("queries, keys and values of one matrix are views of its rows, and come together again")
    func fusedRows() throws {
        let checkpoint = try write(phi3Tensors, config: phi3)
        #expect(try widened(checkpoint, "self_attn.q_proj.weight", 4, 4) == (0..<16).map(Float.init))
        #expect(try widened(checkpoint, "self_attn.k_proj.weight", 2, 4) == (16..<24).map(Float.init))
        #expect(try widened(checkpoint, "self_attn.v_proj.weight", 2, 4) == (24..<32).map(Float.init))
        #expect(try widened(checkpoint, "mlp.up_proj.weight", 3, 4) == (44..<56).map(Float.init))
        let file = try checkpoint.files[0].matrix(named: phi3Tensors[0].name, shape: [8, 4])
        let value = try checkpoint.matrix(named: "model.layers.0.self_attn.v_proj.weight", rowCount: 2, columnCount: 4)
        #expect(value.storage.base == file.storage.base && value.byteOffset == file.byteOffset + 24 * 4)
        #expect(checkpoint.tensor(named: "model.layers.0.self_attn.k_proj.weight")?.byteCount == 32)
        #expect(checkpoint.tensor(named: "model.layers.0.self_attn.k_proj.weight")?.shape == [2, 4])
        let block = "model.layers.0."
        try checkRoundTrip(
            phi3Tensors, checkpoint,
            [
                (block + "self_attn.q_proj.weight", [4, 4]), (block + "self_attn.k_proj.weight", [2, 4]),
                (block + "self_attn.v_proj.weight", [2, 4]), (block + "mlp.gate_proj.weight", [3, 4]),
                (block + "mlp.up_proj.weight", [3, 4]),
            ])
    }

    @Test("a fused matrix of a wrong size is refused with its file and name")
    func wrongSize() throws {
        let checkpoint = try write([Stored(name: phi3Tensors[0].name, shape: [7, 4])], config: phi3)
        let failure = try #require(throws: Failure.self) { try widened(checkpoint, "self_attn.q_proj.weight", 4, 4) }
        #expect(failure.place.hasSuffix("model.safetensors") && failure.reason.contains("qkv_proj.weight has shape [7, 4]"))
        #expect(failure.reason.contains("[8, 4]"))
        let missing = try #require(throws: Failure.self) { try widened(checkpoint, "mlp.up_proj.weight", 3, 4) }
        #expect(missing.reason.contains("no tensor model.layers.0.mlp.gate_up_proj.weight"))
    }

    @Test("GPT-NeoX alternates queries, keys and values head by head")
    func byHead() throws {
        let config =
            #"{"model_type":"gpt_neox","vocab_size":2,"hidden_size":4,"intermediate_size":3,"num_hidden_layers":1,"#
            + #""num_attention_heads":2,"hidden_act":"gelu","rotary_pct":1.0,"tie_word_embeddings":false}"#
        let prefix = "gpt_neox.layers.0.attention."
        let tensors = [
            Stored(name: prefix + "query_key_value.weight", shape: [12, 4]), Stored(name: prefix + "query_key_value.bias", shape: [12]),
            Stored(name: prefix + "dense.weight", shape: [4, 4]), Stored(name: "embed_out.weight", shape: [2, 4]),
        ]
        let checkpoint = try write(tensors, config: config)
        // Rows of the file: two of each head's query, key and value.
        let rows = [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]
        for (name, rows) in zip(["q_proj", "k_proj", "v_proj"], rows) {
            let weight = rows.flatMap { row in (0..<4).map { Float(4 * row + $0) } }
            #expect(try widened(checkpoint, "self_attn.\(name).weight", 4, 4) == weight)
            #expect(try widened(checkpoint, "self_attn.\(name).bias", 1, 4) == rows.map { Float(48 + $0) })
        }
        var parameters = projections("weight", [4, 4])
        parameters.append(("model.layers.0.self_attn.o_proj.weight", [4, 4]))
        parameters += projections("bias", [4])
        parameters.append(("lm_head.weight", [2, 4]))
        try checkRoundTrip(tensors, checkpoint, parameters)
        // Weight and bias of each projection side by side are another order of the same parameters.
        try checkRoundTrip(tensors, checkpoint, parameters.sorted { $0.0 < $1.0 })
    }

    @Test("GPT-2's matrices are stored transposed; its first files have no prefix, and masks that mean nothing")
    func transposed() throws {
        let config =
            #"{"model_type":"gpt2","vocab_size":3,"n_embd":2,"n_inner":3,"n_layer":1,"n_head":1,"n_positions":4,"#
            + #""attn_pdrop":0,"embd_pdrop":0,"resid_pdrop":0}"#
        let tensors = [
            Stored(name: "transformer.wte.weight", shape: [3, 2]), Stored(name: "transformer.wpe.weight", shape: [4, 2]),
            Stored(name: "transformer.h.0.attn.c_attn.weight", shape: [2, 6]), Stored(name: "transformer.h.0.attn.c_attn.bias", shape: [6]),
            Stored(name: "transformer.h.0.mlp.c_fc.weight", shape: [2, 3]), Stored(name: "transformer.ln_f.bias", shape: [2]),
        ]
        let checkpoint = try write(tensors, config: config)
        #expect(try widened(checkpoint, "self_attn.k_proj.weight", 2, 2) == [16, 22, 17, 23])
        #expect(try widened(checkpoint, "self_attn.k_proj.bias", 1, 2) == [28, 29])
        #expect(try widened(checkpoint, "mlp.up_proj.weight", 3, 2) == [32, 35, 33, 36, 34, 37])
        #expect(checkpoint.tensor(named: "model.layers.0.mlp.up_proj.weight")?.shape == [3, 2])
        #expect(checkpoint.configuration.tiedEmbeddings)
        var parameters: [(String, [Int])] = [("model.embed_tokens.weight", [3, 2]), ("model.embed_positions.weight", [4, 2])]
        parameters += projections("weight", [2, 2])
        parameters += projections("bias", [2])
        parameters.append(("model.layers.0.mlp.up_proj.weight", [3, 2]))
        parameters.append(("model.norm.bias", [2]))
        try checkRoundTrip(tensors, checkpoint, parameters)

        let bare = tensors.map { Stored(name: String($0.name.dropFirst("transformer.".count)), shape: $0.shape) }
        let first = try write(bare + [Stored(name: "h.0.attn.bias", shape: [1, 1, 4, 4])], config: config, to: "bare")
        #expect(throws: Never.self) { try first.checkNothingUnexpected(known: Set(parameters.map(\.0))) }
        #expect(try widened(first, "mlp.up_proj.weight", 3, 2) == widened(checkpoint, "mlp.up_proj.weight", 3, 2))
        #expect(first.configuration.tiedEmbeddings)
        let failure = try #require(throws: Failure.self) {
            try first.checkNothingUnexpected(known: Set(parameters.map(\.0).dropLast()))
        }
        #expect(failure.reason.contains("tensor ln_f.bias belongs to no part"))
    }

    @Test("norms of single heads: one tensor each in StableLM, one row each in Cohere")
    func heads() throws {
        let sizes = [
            "hidden_size": "4", "num_attention_heads": "2", "num_key_value_heads": "1", "rms_norm_eps": nil, "tie_word_embeddings": "false",
        ]
        let stablelm = configuration(
            sizes.merging(["model_type": "\"stablelm\"", "qk_layernorm": "true", "partial_rotary_factor": "1.0"]) { $1 })
        let name = "model.layers.0.self_attn.q_layernorm.norms."
        let apart = [Stored(name: name + "0.weight", shape: [2]), Stored(name: name + "1.weight", shape: [2])]
        let parameters: [(String, [Int])] = [("model.layers.0.self_attn.q_norm.weight", [4])]
        let checkpoint = try write(apart, config: stablelm)
        #expect(try widened(checkpoint, "self_attn.q_norm.weight", 1, 4) == [0, 1, 2, 3])
        try checkRoundTrip(apart, checkpoint, parameters)

        let cohere = configuration(sizes.merging(["model_type": "\"cohere\"", "use_qk_norm": "true"]) { $1 })
        let rows = [Stored(name: "model.layers.0.self_attn.q_norm.weight", shape: [2, 2])]
        let other = try write(rows, config: cohere, to: "rows")
        #expect(try widened(other, "self_attn.q_norm.weight", 1, 4) == [0, 1, 2, 3])
        try FileManager.default.removeItem(atPath: folder.path + "/out-1")
        try checkRoundTrip(rows, other, parameters)
    }

    @Test("OLMo 2 calls the norm behind attention what Llama calls the norm before the feed-forward layer")
    func names() throws {
        let config = configuration(["model_type": "\"olmo2\"", "tie_word_embeddings": "false"])
        let tensors = [
            Stored(name: "model.layers.0.post_attention_layernorm.weight", shape: [8]),
            Stored(name: "model.layers.0.post_feedforward_layernorm.weight", shape: [8]),
        ]
        let checkpoint = try write(tensors, config: config)
        #expect(try widened(checkpoint, "attention_output_layernorm.weight", 1, 8) == (0..<8).map(Float.init))
        try checkRoundTrip(
            tensors, checkpoint,
            ["attention_output_layernorm", "feed_forward_output_layernorm"].map { ("model.layers.0.\($0).weight", [8]) })
    }

    @Test("a conversion of a folder keeps fused tensors as they are")
    func conversion() throws {
        let checkpoint = try write(phi3Tensors, config: phi3)
        let names = ["q_proj", "k_proj", "v_proj"].map { "model.layers.0.self_attn.\($0).weight" }
        try CheckpointConversion(checkpoint, names: names, elementType: .float32).write(to: folder.path + "/converted")
        let written = try HuggingFaceCheckpoint(folder: folder.path + "/converted")
        #expect(written.tensorNames == [phi3Tensors[0].name])
        #expect(try written.files[0].matrix(named: phi3Tensors[0].name, shape: [8, 4]).widened == (0..<32).map(Float.init))
    }
}
