import Files
import Foundation
import Settings
import Synchronization

/// A byte-level byte-pair tokenizer, as `tokenizer.json` of a Hugging Face folder describes it.
///
/// It gives the ids that Hugging Face's `tokenizers` gives; a file with a part that Tandem does not compute is
/// refused when it is read. Any number of threads may encode and decode at once.
public final class Tokenizer: Sendable {
    let vocabulary: Vocabulary
    let addedTokens: AddedTokens
    let normalizer: Normalizer
    let postProcessor: PostProcessor
    private let preTokenizer: PreTokenizer
    private let model: BytePairModel
    /// Splitters that no call is using, with their caches of words.
    private let idle = Mutex<[PieceSplitter]>([])

    /// Reads `tokenizer.json` of `folder`.
    ///
    /// - Throws: `Failure`: missing input (66) without the file, damaged data (65) where it contradicts its format,
    ///   configuration (78) for a component or option that is not supported, which is named.
    public convenience init(folder: String) throws(Failure) {
        let path = folder.hasSuffix("/") ? "\(folder)tokenizer.json" : "\(folder)/tokenizer.json"
        if FileStatus(path) == nil { try RunPlace.refuse(asModel: folder) }
        try self.init(TokenizerFile(try TokenizerFile.bytes(path: path), origin: path))
    }

    /// Reads the content of a `tokenizer.json`, which errors call `origin`.
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

    /// One more than the highest id: the rows that an embedding needs at least.
    public var vocabularySize: Int { vocabulary.size }

    /// The id of a token by its own text: the byte alphabet for the model's tokens (`"Ġthe"`), the text for added ones.
    public func id(of token: String) -> Int32? {
        vocabulary.id(of: Array(token.utf8)[...])
    }

    /// Whether `id` is a special token: one that decoding can skip.
    public func isSpecial(_ id: Int32) -> Bool { addedTokens.isSpecial(id) }

    /// The bytes that have no token, nor a token for unknown ones: encoding drops them without a word, as Hugging Face
    /// does. SmolLM2 lacks a few control characters and the lead bytes of characters in planes that hold none yet.
    public var droppedBytes: [UInt8] {
        guard model.unknownToken == nil else { return [] }
        return (UInt8.min...UInt8.max).filter { model.byteTokens[Int($0)] < 0 }
    }

    // MARK: Splitters

    /// Runs `body` with a splitter of its own.
    func withSplitter<Result>(_ body: (PieceSplitter) -> Result) -> Result {
        let splitter = idle.withLock { $0.popLast() } ?? PieceSplitter(model, preTokenizer, vocabulary)
        defer { idle.withLock { $0.append(splitter) } }
        splitter.begin()
        return body(splitter)
    }
}
