import Settings
import Tensors

/// How a folder stores a head that `config.json` ties to the embedding. The rules are those of Transformers.
enum StoredHead: Equatable, Sendable {
    static let embeddingName = "model.embed_tokens.weight"
    static let headName = "lm_head.weight"

    /// The embedding alone, or two equal tensors. The head is the embedding.
    case embedding
    /// The head alone. It is also the embedding.
    case headAlone
    /// Two tensors with different numbers. The head is not tied, whatever `config.json` says.
    case own

    /// - Parameters:
    ///   - embedding: the name of the embedding in the files; nil if they have none.
    ///   - head: the name of the head in the files; nil if they have none.
    ///   - matrix: returns a stored tensor by its name. Embedding and head have the same shape.
    init(
        embedding: String?, head: String?, matrix: (_ name: String) throws(Failure) -> StoredMatrix
    ) throws(Failure) {
        switch (embedding, head) {
        case (_, nil): self = .embedding
        case (nil, _?): self = .headAlone
        case (let embedding?, let head?):
            let isSame = try matrix(head).holdsSameValues(as: matrix(embedding))
            self = isSame ? .embedding : .own
        }
    }
}
