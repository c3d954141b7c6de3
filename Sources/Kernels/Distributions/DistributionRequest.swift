import Settings
import Tensors

// U scored hidden rows, K references, V' rows of the vocabulary on this rank.

/// A loss over distributions, and the tokens that all of its models know.
public struct DistributionRequest: Sendable {
    public let loss: any DistributionLoss
    /// The number of shared tokens. Tokens from this id on are left out of every model's distribution. At most the policy's
    /// vocabulary.
    public let sharedVocabulary: Int

    public init(loss: any DistributionLoss, sharedVocabulary: Int) {
        invariant(sharedVocabulary > 0, "a distribution needs tokens")
        invariant(loss.temperature > 0, "a temperature is above 0")
        self.loss = loss
        self.sharedVocabulary = sharedVocabulary
    }
}
