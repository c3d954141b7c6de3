/// A dataset of the run. Record indices count within one dataset.
package enum DatasetRole: Hashable, Sendable {
    case training
    /// Carries the index among the validation datasets.
    case validation(Int)
}
