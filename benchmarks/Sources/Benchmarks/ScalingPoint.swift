import Settings

/// What one series found on one number of ranks. Seconds are medians over timed steps.
public struct ScalingPoint: Codable, Sendable {
    public var series: ScalingSeries
    public var ranks: Int
    public var nodes: Int
    /// Told by the plan's model, not measured.
    public var isForecast: Bool
    /// More threads than cores: nothing about scaling follows.
    public var isOversubscribed: Bool
    public var stepSeconds: Double
    /// The fewest and the most of a round. Nil in a forecast, and where there was one round.
    public var stepSecondsRange: [Double]?
    public var tokensPerSecond: Double
    /// Of the products that the step needs.
    public var operations: Double
    /// Operations a second and rank, over those of one rank.
    public var efficiency: Double
    /// The lowest and the highest of a round. Nil in a forecast, and where there was one round.
    public var efficiencyRange: [Double]?
    /// The same of the floor: what the machine's own cores lose by working at once. Nil in a forecast.
    public var machineEfficiency: Double?
    /// Waiting for and sending to other ranks: its part of the step, mean over ranks.
    public var exposedCommunication: Double
    public var memoryBytesPerRank: Double
    /// What was trained: `6 blocks of 512; 8 heads in 4 groups; …`.
    public var model: String

    /// How far apart the rounds' step times are, as a part of their median; nil where there was one round.
    public var spread: Double? { stepSecondsRange.map { ($0[1] - $0[0]) / stepSeconds } }
}
