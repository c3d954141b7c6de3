import Settings
import Tensors

/// The tensors of a model by Hugging Face's names, with their tensors in a GGUF file.
struct GGUFTensorTable: Sendable {
    static let embeddingName = "token_embd.weight"
    static let headName = "output.weight"
    /// Factors for the rotary frequencies. Only factors of 1 are implemented.
    static let frequenciesName = "rope_freqs.weight"

    /// One tensor of the model.
    struct Entry: Sendable {
        /// The name in Hugging Face's format.
        let name: String
        let stored: GGUFTensor
        let rowCount: Int
        let columnCount: Int
        /// Whether the tensor is a vector, which is one row.
        let isVector: Bool
        /// The number of heads whose rows llama.cpp has reordered. Nil if the rows are in Hugging Face's order.
        let permutedHeadCount: Int?

        /// The shape in a safetensors file.
        var shape: [Int] { isVector ? [columnCount] : [rowCount, columnCount] }

        /// The row of the GGUF tensor that is row `row` in Hugging Face's order.
        ///
        /// Rotary positions rotate pairs of a head's D numbers. Hugging Face pairs number i with number i + D/2, like GPT-NeoX.
        /// For Llama, llama.cpp pairs neighbours, like Meta, and reorders the rows of the query and key projections to fit: its
        /// row 2i + j of a head is Hugging Face's row i + j · D/2, with j = 0 or 1. No other tensor depends on this order, so
        /// the logits are the same.
        func storedRow(of row: Int) -> Int {
            guard let permutedHeadCount else { return row }
            let dimension = rowCount / permutedHeadCount
            let (head, place) = row.quotientAndRemainder(dividingBy: dimension)
            let (half, pair) = place.quotientAndRemainder(dividingBy: dimension / 2)
            return head * dimension + 2 * pair + half
        }
    }

    /// The tensors in the order of the model.
    let entries: [Entry]

    /// Checks that the file holds every tensor of the model in the right shape and a readable type, and no other tensor.
    ///
    /// - Throws: `Failure`: damaged data (a missing tensor, a wrong shape), or configuration (a type or a tensor that is not
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
                    "tensor \(stored.name) has shape \(stored.shape.printable), but the metadata ask for \(shape)")
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
        // A tied head is a copy of the embedding.
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
        /// The number of heads of a query or key projection, whose rows llama.cpp reorders. Nil for other tensors.
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
