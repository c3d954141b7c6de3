import Foundation

/// What a model that knows nothing gives each token: 1 / vocabulary, a perplexity of the vocabulary's size.
package struct ChanceLevel {
    let vocabularySize: Int

    package init(vocabularySize: Int) {
        self.vocabularySize = vocabularySize
    }

    /// A sentence for a person where a perplexity is no better; nil where it is, or isn't known.
    ///
    /// - Parameter nats: mean −log p of the tokens.
    package func notice(_ nats: Double?, of what: String) -> String? {
        guard let nats, nats.isFinite, nats >= log(Double(vocabularySize)) else { return nil }
        let perplexity = exp(nats)
        let shown = perplexity < 1e6 ? String(format: "%.1f", perplexity) : String(format: "%.2g", perplexity)
        return "the model is no better than chance on \(what): perplexity \(shown), where giving all \(vocabularySize) tokens the same "
            + "probability has \(vocabularySize)"
    }
}
