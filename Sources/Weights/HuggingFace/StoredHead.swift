import Settings
import Tensors

/// What a folder holds of a head that its `config.json` ties to the embedding. Which of the two counts is decided as
/// Transformers decides it.
enum StoredHead: Equatable, Sendable {
    static let embeddingName = "model.embed_tokens.weight"
    static let headName = "lm_head.weight"

    /// The embedding alone, or the same numbers twice: the head is the embedding.
    case embedding
    /// The head alone, which is the embedding, too.
    case headAlone
    /// Both, and other numbers: the head is its own, whatever `config.json` says.
    case own

    /// - Parameters:
    ///   - names: of all tensors that are stored.
    ///   - matrix: a stored tensor in the shape that both have.
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
