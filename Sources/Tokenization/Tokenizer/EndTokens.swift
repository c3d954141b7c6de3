import JSON
import Settings

/// The tokens that end a model's output.
public struct EndTokens: Equatable, Sendable {
    /// The token at the end of a completion: `eos_token` of `tokenizer_config.json` (or `special_tokens_map.json`), or else the
    /// first `eos_token_id`.
    public let endOfSequence: Int32
    /// The tokens at which generation stops: the end of sequence, and the `eos_token_id` of `generation_config.json`, or else
    /// of `config.json`.
    public let stops: Set<Int32>

    /// Reads the configuration beside a tokenizer.
    ///
    /// - Throws: `Failure`: configuration if no file names an end, or if a file names one that the tokenizer lacks.
    public init(folder: String, tokenizer: Tokenizer) throws(Failure) {
        let configuration = try TokenizerConfiguration(folder: folder)
        var ids: [Int32] = []
        var strange: [Int32] = []
        if let (token, file) = try configuration.token("eos_token") {
            guard let id = tokenizer.id(of: token) else {
                throw .configuration(
                    "\(file): eos_token", "\"\(token.printable)\" is not a token of the tokenizer",
                    remedy: "Use the tokenizer and the configuration of the same model.")
            }
            ids.append(id)
        }
        let (ends, file) = try configuration.generationEnds()
        for end in ends {
            guard let id = Int32(exactly: end), tokenizer.vocabulary.bytes(of: id) != nil else {
                // `config.json` may name a row of the model without a token. No text ends with it, but a model can generate it.
                if file == configuration.path(of: "config.json") {
                    if let id = Int32(exactly: end), id >= 0 { strange.append(id) }
                    continue
                }
                throw .configuration(
                    "\(file): eos_token_id", "\(end) is not the id of a token",
                    remedy: "Use the tokenizer and the configuration of the same model.")
            }
            ids.append(id)
        }
        guard let first = ids.first else {
            throw .configuration(
                configuration.file,
                "names no eos_token, and neither generation_config.json nor config.json names an eos_token_id",
                remedy: "Add eos_token, the token that ends a text.")
        }
        endOfSequence = first
        stops = Set(ids + strange)
    }
}
