import Foundation

/// The chance level: the same probability 1 / vocabulary for each token, a perplexity of the vocabulary's size.
package struct ChanceLevel {
    let vocabularySize: Int

    package init(vocabularySize: Int) {
        self.vocabularySize = vocabularySize
    }

    /// A notice for the user if the perplexity is no better than chance; nil if it is better or unknown.
    ///
    /// - Parameter nats: mean −log p of the tokens.
    package func notice(_ nats: Double?, of what: String) -> String? {
        guard let nats, nats.isFinite, nats >= log(Double(vocabularySize)) else { return nil }
        let perplexity = exp(nats)
        let shown = perplexity < 1e6 ? String(format: "%.1f", perplexity) : String(format: "%.2g", perplexity)
        return "the model is no better than chance on \(what): perplexity \(shown), while equal probability for all \(vocabularySize) "
            + "tokens gives \(vocabularySize)"
    }
}
