public enum PreferenceLoss: String, CaseIterable, Sendable {
    /// DPO (arXiv:2305.18290): −(1−ε)·logσ(βΔ) − ε·logσ(−βΔ).
    case sigmoid
}
