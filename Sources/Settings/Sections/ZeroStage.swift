/// What data ranks share out instead of each keeping all of it (ZeRO; Rajbhandari et al., arXiv:1910.02054).
public enum ZeroStage: String, CaseIterable, Sendable {
    /// Every data rank keeps all moments.
    case nothing = "0"
    /// Each data rank keeps the moments of its shard of the parameters, and updates that shard alone.
    case optimizerState = "1"
}
