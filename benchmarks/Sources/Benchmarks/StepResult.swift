import Foundation

/// A whole step of the trainer; figures are medians over the timed steps.
public struct StepResult: Codable, Sendable {
    public var name: String
    public var model: String
    public var ranks: Int
    public var tensor: Int
    public var threads: Int
    public var timedSteps: Int
    public var stepSeconds: Double
    /// Each timed step's seconds, in order.
    public var stepSecondsEach: [Double]
    /// Tokens computed, each prompt once.
    public var tokens: Double
    public var tokensPerSecond: Double
    /// Each completion with its own prompt, as other trainers count.
    public var sequenceTokensPerSecond: Double
    /// Nil where records are texts.
    public var pairsPerSecond: Double?
    public var modelFlops: Double
    public var modelFlopsPerSecond: Double
    public var floorSeconds: Double
    public var floorFraction: Double
    /// The floor at the best rate of any product, over the step's time.
    public var bestRateFloorFraction: Double
    /// Most memory resident, summed over ranks; a mapped file counts in each rank that reads it.
    public var peakMemoryBytes: Int
    /// The step's time split, mean over ranks.
    public var seconds: [String: Double]
    public var loss: Double
}
