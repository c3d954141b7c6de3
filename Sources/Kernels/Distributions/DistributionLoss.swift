/// A loss of each scored row's whole distribution over the vocabulary, against those of frozen models.
///
/// Logits are seen a tile at a time, whose tokens come in order. All that a loss knows of the rest of the vocabulary is
/// the row: statistics that the head streams for every loss, and sums of its own that a further pass collects.
public protocol DistributionLoss: Sendable {
    /// Names of the frozen models whose logits come along, in the order in which tiles and rows hold them.
    var references: [String] { get }
    /// Every logit is divided by it before the loss sees it. Above 0.
    var temperature: Double { get }
    /// Sums a row that a further pass over the vocabulary collects; 0: the streamed statistics are enough.
    var sumCount: Int { get }

    /// Adds the tile's terms to the row's sums, of which there are `sumCount`. Called only where that is above 0.
    func accumulate(_ tile: DistributionTile, row: DistributionRow, into sums: inout MutableSpan<Double>)

    /// The row's loss, with all its factors (T² where it is wanted).
    func loss(_ row: DistributionRow) -> Double

    /// Adds `weight` · ∂loss/∂logit of the tile's tokens. The logit is the policy's own, undivided: 1/T is the loss's to apply.
    func addGradient(_ tile: DistributionTile, row: DistributionRow, weight: Float, to gradient: MutableLogitRow)
}

extension DistributionLoss {
    public func accumulate(_ tile: DistributionTile, row: DistributionRow, into sums: inout MutableSpan<Double>) {}
}
