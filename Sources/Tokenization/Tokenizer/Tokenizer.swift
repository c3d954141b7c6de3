import Files
import Foundation
import Settings
import Synchronization

/// A byte-level byte-pair tokenizer, as described by `tokenizer.json` of a Hugging Face folder.
///
/// It gives the same ids as Hugging Face's `tokenizers`. Reading fails for a file with a part that Tandem does not support. Any
/// number of threads may encode and decode at once.
public final class Tokenizer: Sendable {
    let vocabulary: Vocabulary
    let addedTokens: AddedTokens
    let normalizer: Normalizer
    let postProcessor: PostProcessor
    private let preTokenizer: PreTokenizer
    private let model: BytePairModel
    /// Splitters that no call uses now. They keep their caches of words.
    private let idle = Mutex<[PieceSplitter]>([])

    /// Reads `tokenizer.json` of `folder`.
    ///
    /// - Throws: `Failure`: missing input (66) without the file; damaged data (65) for a file that contradicts its format;
    ///   configuration (78) for a component or option that is not supported, with its name.
    public convenience init(folder: String) throws(Failure) {
        let path = folder.hasSuffix("/") ? "\(folder)tokenizer.json" : "\(folder)/tokenizer.json"
        if FileStatus(path) == nil { try RunPlace.refuse(asModel: folder) }
        try self.init(TokenizerFile(try TokenizerFile.bytes(path: path), origin: path))
    }

    /// Reads the content of a `tokenizer.json`. Errors name the file `origin`.
    public convenience init(tokenizerJSON: Data, origin: String) throws(Failure) {
        try self.init(TokenizerFile([UInt8](tokenizerJSON), origin: origin))
    }

    private init(_ file: TokenizerFile) {
        vocabulary = file.vocabulary
        addedTokens = file.addedTokens
        normalizer = file.normalizer
        postProcessor = file.postProcessor
        preTokenizer = file.preTokenizer
        model = file.model
    }

    // MARK: Tokens

    /// One more than the highest id: the number of rows that an embedding needs at least.
    public var vocabularySize: Int { vocabulary.size }

    /// The id of a token by its text. The text of the model's tokens is in the byte alphabet (`"Ġthe"`); the text of an added
    /// token is plain.
    public func id(of token: String) -> Int32? {
        vocabulary.id(of: Array(token.utf8)[...])
    }

    /// Whether `id` is a special token, which decoding can skip.
    public func isSpecial(_ id: Int32) -> Bool { addedTokens.isSpecial(id) }

    /// The bytes that encoding drops silently, as Hugging Face does: they have no token, and the tokenizer has no token for
    /// unknown bytes. SmolLM2 lacks a few control characters, and lead bytes of planes that have no characters yet.
    public var droppedBytes: [UInt8] {
        guard model.unknownToken == nil else { return [] }
        return (UInt8.min...UInt8.max).filter { model.byteTokens[Int($0)] < 0 }
    }

    // MARK: Splitters

    /// Runs `body` with a splitter that no other call uses.
    func withSplitter<Result>(_ body: (PieceSplitter) -> Result) -> Result {
        let splitter = idle.withLock { $0.popLast() } ?? PieceSplitter(model, preTokenizer, vocabulary)
        defer { idle.withLock { $0.append(splitter) } }
        splitter.begin()
        return body(splitter)
    }
}
