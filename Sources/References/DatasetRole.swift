/// A dataset of the run: what record indices count in.
package enum DatasetRole: Hashable, Sendable {
    case training
    /// By its place among the validation datasets.
    case validation(Int)
}
