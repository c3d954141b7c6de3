/// The values of the preference objective's `loss`. Δ is the margin of log-probabilities.
public enum PreferenceLoss: String, CaseIterable, Sendable {
    /// DPO (arXiv:2305.18290): −(1−ε)·logσ(βΔ) − ε·logσ(−βΔ).
    case sigmoid
}
