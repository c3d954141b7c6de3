/// What is sharded over the data ranks (ZeRO; Rajbhandari et al., arXiv:1910.02054).
public enum ZeroStage: String, CaseIterable, Sendable {
    /// Nothing: every data rank keeps all moments.
    case nothing = "0"
    /// Each data rank keeps the moments of its shard of the parameters, and updates only this shard.
    case optimizerState = "1"
}
