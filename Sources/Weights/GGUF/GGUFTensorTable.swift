import Settings
import Tensors

/// The tensors of a model under Hugging Face's names, with where a GGUF file keeps each.
struct GGUFTensorTable: Sendable {
    static let embeddingName = "token_embd.weight"
    static let headName = "output.weight"
    /// Factors for the rotary frequencies: the model is an ordinary one only where all are 1.
    static let frequenciesName = "rope_freqs.weight"

    /// One tensor of the model.
    struct Entry: Sendable {
        /// Hugging Face's name.
        let name: String
        let stored: GGUFTensor
        let rowCount: Int
        let columnCount: Int
        /// A vector is one row.
        let isVector: Bool
        /// The heads whose rows llama.cpp has put in another order; nil where the rows are in Hugging Face's.
        let permutedHeadCount: Int?

        /// The shape as a safetensors file states it.
        var shape: [Int] { isVector ? [columnCount] : [rowCount, columnCount] }

        /// Which row of the GGUF tensor is row `row` of Hugging Face's.
        ///
        /// Rotary positions turn pairs of a head's numbers. Hugging Face pairs number i with number i + D/2 of D, as
        /// GPT-NeoX did; for Llama, llama.cpp pairs neighbours, as Meta did, and has reordered the rows of the query and
        /// key projections to fit: its row 2i + j of a head is row i + j · D/2, for j of 0 and 1. Nothing else knows of
        /// the order, so logits are the same.
        func storedRow(of row: Int) -> Int {
            guard let permutedHeadCount else { return row }
            let dimension = rowCount / permutedHeadCount
            let (head, place) = row.quotientAndRemainder(dividingBy: dimension)
            let (half, pair) = place.quotientAndRemainder(dividingBy: dimension / 2)
            return head * dimension + 2 * pair + half
        }
    }

    /// In the order of the model.
    let entries: [Entry]

    /// Checks that the file holds every tensor of the model, in its shape and a type that is read, and no other.
    ///
    /// - Throws: `Failure`: damaged data (a missing tensor, another shape), or configuration (a type or a tensor that is not
    ///   implemented).
    init(_ file: GGUFFile, _ configuration: ModelConfiguration) throws(Failure) {
        var entries: [Entry] = []
        for wanted in GGUFTensorTable.wanted(configuration) {
            guard let stored = file.tensor(named: wanted.storedName) else {
                throw .damagedFile(file.path, "has no tensor \(wanted.storedName)")
            }
            let shape = wanted.isVector ? [wanted.columnCount] : [wanted.rowCount, wanted.columnCount]
            guard stored.shape == shape else {
                throw .damagedFile(
                    file.path,
                    "tensor \(stored.name) has shape \(stored.shape.printable), but its metadata ask for \(shape)")
            }
            try file.checkReadable(stored)
            entries.append(
                Entry(
                    name: wanted.name, stored: stored, rowCount: wanted.rowCount, columnCount: wanted.columnCount,
                    isVector: wanted.isVector,
                    permutedHeadCount: configuration.family == .llama ? wanted.headCount : nil))
        }
        self.entries = entries
        try checkNothingUnexpected(file, configuration)
    }

    private func checkNothingUnexpected(_ file: GGUFFile, _ configuration: ModelConfiguration) throws(Failure) {
        var known = Set(entries.map(\.stored.name))
        // The embedding once more.
        if configuration.tiedEmbeddings { known.insert(GGUFTensorTable.headName) }
        for tensor in file.tensors where !known.contains(tensor.name) {
            guard tensor.name == GGUFTensorTable.frequenciesName else {
                throw .configuration(
                    file.path,
                    "tensor \(tensor.name.printable) belongs to no part of a \(configuration.family.rawValue) model that is "
                        + "implemented",
                    remedy: "Use a GGUF file without it.")
            }
            try file.checkReadable(tensor)
            let factors = file.rows(0..<tensor.rowCount, of: tensor).values
            guard factors.allSatisfy({ $0 == 1 }) else {
                throw .configuration(
                    file.path, "tensor \(tensor.name) scales the rotary positions (factors other than 1), which is not implemented",
                    remedy: "Use a model without rope scaling.")
            }
        }
    }

    /// A tensor that the model needs.
    private struct Wanted {
        let name: String
        let storedName: String
        var rowCount = 1
        let columnCount: Int
        var isVector = false
        /// Of queries and keys, whose rows rotary positions turn.
        var headCount: Int?
    }

    private static func wanted(_ configuration: ModelConfiguration) -> [Wanted] {
        let width = configuration.hiddenSize
        let vocabulary = configuration.vocabularySize
        var result = [
            Wanted(
                name: "model.embed_tokens.weight", storedName: embeddingName, rowCount: vocabulary, columnCount: width)
        ]
        for layer in 0..<configuration.layerCount { result += wanted(layer: layer, configuration) }
        result.append(
            Wanted(name: "model.norm.weight", storedName: "output_norm.weight", columnCount: width, isVector: true))
        if !configuration.tiedEmbeddings {
            result.append(Wanted(name: "lm_head.weight", storedName: headName, rowCount: vocabulary, columnCount: width))
        }
        return result
    }

    private static func wanted(layer: Int, _ configuration: ModelConfiguration) -> [Wanted] {
        let width = configuration.hiddenSize
        let feedForward = configuration.feedForwardSize
        let queries = configuration.headCount * configuration.headDimension
        let keys = configuration.keyValueHeadCount * configuration.headDimension
        func matrix(_ name: String, _ stored: String, _ rows: Int, _ columns: Int, headCount: Int? = nil) -> Wanted {
            Wanted(
                name: "model.layers.\(layer).\(name).weight", storedName: "blk.\(layer).\(stored).weight", rowCount: rows,
                columnCount: columns, headCount: headCount)
        }
        func vector(_ name: String, _ stored: String, _ count: Int) -> Wanted {
            Wanted(
                name: "model.layers.\(layer).\(name)", storedName: "blk.\(layer).\(stored)", columnCount: count,
                isVector: true)
        }
        var result = [
            vector("input_layernorm.weight", "attn_norm.weight", width),
            matrix("self_attn.q_proj", "attn_q", queries, width, headCount: configuration.headCount),
            matrix("self_attn.k_proj", "attn_k", keys, width, headCount: configuration.keyValueHeadCount),
            matrix("self_attn.v_proj", "attn_v", keys, width),
            matrix("self_attn.o_proj", "attn_output", width, queries),
        ]
        if configuration.projectionBias {
            result += [
                vector("self_attn.q_proj.bias", "attn_q.bias", queries),
                vector("self_attn.k_proj.bias", "attn_k.bias", keys),
                vector("self_attn.v_proj.bias", "attn_v.bias", keys),
            ]
        }
        return result + [
            vector("post_attention_layernorm.weight", "ffn_norm.weight", width),
            matrix("mlp.gate_proj", "ffn_gate", feedForward, width),
            matrix("mlp.up_proj", "ffn_up", feedForward, width),
            matrix("mlp.down_proj", "ffn_down", width, feedForward),
        ]
    }
}
