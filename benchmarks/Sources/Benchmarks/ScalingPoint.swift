import JSON
import Settings

/// The result of one series on one number of ranks. Seconds are medians over timed steps.
public struct ScalingPoint: Sendable {
    public var series: ScalingSeries
    public var ranks: Int
    public var nodes: Int
    /// Whether the point is forecast by the plan's model, not measured.
    public var isForecast: Bool
    /// Whether there are more threads than cores. Such a point says nothing about scaling.
    public var isOversubscribed: Bool
    public var stepSeconds: Double
    /// The step times of the fastest and the slowest round. Nil in a forecast, and if there was one round.
    public var stepSecondsRange: [Double]?
    public var tokensPerSecond: Double
    /// Operations of the matrix products that the step needs.
    public var operations: Double
    /// Operations a second per rank, divided by the same figure of one rank.
    public var efficiency: Double
    /// The lowest and the highest efficiency of a round. Nil in a forecast, and if there was one round.
    public var efficiencyRange: [Double]?
    /// The efficiency of the floor: it shows how much the cores slow each other down. Nil in a forecast.
    public var machineEfficiency: Double?
    /// The fraction of the step for sending and waiting for other ranks, mean over ranks.
    public var exposedCommunication: Double
    public var memoryBytesPerRank: Double
    /// The trained model: `6 blocks of 512; 8 heads in 4 groups; …`.
    public var model: String

    /// The slowest step time of a round less the fastest, divided by the median. Nil if there was one round.
    public var spread: Double? { stepSecondsRange.map { ($0[1] - $0[0]) / stepSeconds } }
}

extension ScalingPoint: JSONWritable {
    public var json: JSONValue {
        .fields([
            "series": series, "ranks": ranks, "nodes": nodes, "is_forecast": isForecast,
            "is_oversubscribed": isOversubscribed, "step_seconds": stepSeconds, "step_seconds_range": stepSecondsRange,
            "tokens_per_second": tokensPerSecond, "operations": operations, "efficiency": efficiency,
            "efficiency_range": efficiencyRange, "machine_efficiency": machineEfficiency,
            "exposed_communication": exposedCommunication, "memory_bytes_per_rank": memoryBytesPerRank, "model": model,
        ])
    }
}
