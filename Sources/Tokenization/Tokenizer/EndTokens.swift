import JSON
import Settings

/// The tokens that end what a model writes.
public struct EndTokens: Equatable, Sendable {
    /// `eos_token` of `tokenizer_config.json` (or `special_tokens_map.json`), or else the first end of generation: what a
    /// completion ends with.
    public let endOfSequence: Int32
    /// Everything that generation stops at: the end of sequence, and the ends that `generation_config.json` names, or
    /// `config.json` where that names none.
    public let stops: Set<Int32>

    /// Reads the configuration beside a tokenizer.
    ///
    /// - Throws: `Failure`: configuration where no file names an end, or names one that the tokenizer lacks.
    public init(folder: String, tokenizer: Tokenizer) throws(Failure) {
        let configuration = try TokenizerConfiguration(folder: folder)
        var ids: [Int32] = []
        var strange: [Int32] = []
        if let (token, file) = try configuration.token("eos_token") {
            guard let id = tokenizer.id(of: token) else {
                throw .configuration(
                    "\(file): eos_token", "\"\(token.printable)\" is not a token of the tokenizer",
                    remedy: "Use tokenizer and configuration of the same model.")
            }
            ids.append(id)
        }
        let (ends, file) = try configuration.generationEnds()
        for end in ends {
            guard let id = Int32(exactly: end), tokenizer.vocabulary.bytes(of: id) != nil else {
                // The model's own numbers may be of a row that no token has, which ends no text but may be generated.
                if file == configuration.path(of: "config.json") {
                    if let id = Int32(exactly: end), id >= 0 { strange.append(id) }
                    continue
                }
                throw .configuration(
                    "\(file): eos_token_id", "\(end) is no token's id",
                    remedy: "Use tokenizer and configuration of the same model.")
            }
            ids.append(id)
        }
        guard let first = ids.first else {
            throw .configuration(
                configuration.file, "names no eos_token, and neither generation_config.json nor config.json an eos_token_id",
                remedy: "Add the token that ends a text.")
        }
        endOfSequence = first
        stops = Set(ids + strange)
    }
}
