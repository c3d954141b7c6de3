/// A loss that compares each scored row's distribution over the vocabulary with the distributions of frozen models.
///
/// A loss gets logits one tile at a time, with tokens in order. `DistributionRow` tells it about the rest of the vocabulary:
/// statistics that the head collects for every loss, and the loss's own sums from a second pass.
public protocol DistributionLoss: Sendable {
    /// Names of the frozen models that the loss reads, in the order of the references in tiles and rows.
    var references: [String] { get }
    /// Every logit is divided by the temperature before the loss gets it. Above 0.
    var temperature: Double { get }
    /// Number of sums per row that a second pass over the vocabulary collects. 0: the statistics of the first pass are enough.
    var sumCount: Int { get }

    /// Adds the tile's terms to the row's `sumCount` sums. Called only if `sumCount` is above 0.
    func accumulate(_ tile: DistributionTile, row: DistributionRow, into sums: inout MutableSpan<Double>)

    /// The row's loss, with all its factors (T² if the loss uses it).
    func loss(_ row: DistributionRow) -> Double

    /// Adds `weight` · ∂loss/∂logit of the tile's tokens. The logit is the policy's logit before the division by T, so the
    /// loss itself must apply 1/T.
    func addGradient(_ tile: DistributionTile, row: DistributionRow, weight: Float, to gradient: MutableLogitRow)
}

extension DistributionLoss {
    public func accumulate(_ tile: DistributionTile, row: DistributionRow, into sums: inout MutableSpan<Double>) {}
}
