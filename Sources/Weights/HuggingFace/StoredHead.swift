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
    ///   - names: the names of all stored tensors.
    ///   - matrix: returns a stored tensor by its name. Embedding and head have the same shape.
    init(names: Set<String>, matrix: (_ name: String) throws(Failure) -> StoredMatrix) throws(Failure) {
        switch (names.contains(StoredHead.embeddingName), names.contains(StoredHead.headName)) {
        case (_, false): self = .embedding
        case (false, true): self = .headAlone
        case (true, true):
            let isSame = try matrix(StoredHead.headName).holdsSameValues(as: matrix(StoredHead.embeddingName))
            self = isSame ? .embedding : .own
        }
    }
}
