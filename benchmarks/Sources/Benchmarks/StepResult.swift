import Foundation

/// The result of a step of the trainer. Figures are medians over the timed steps.
public struct StepResult: Codable, Sendable {
    public var name: String
    public var model: String
    public var ranks: Int
    public var tensor: Int
    public var threads: Int
    public var timedSteps: Int
    public var stepSeconds: Double
    /// The seconds of each timed step, in order.
    public var stepSecondsEach: [Double]
    /// Computed tokens, each prompt once.
    public var tokens: Double
    public var tokensPerSecond: Double
    /// Counts each completion with its own prompt, like other trainers.
    public var sequenceTokensPerSecond: Double
    /// Nil if records are texts.
    public var pairsPerSecond: Double?
    public var modelFlops: Double
    public var modelFlopsPerSecond: Double
    public var floorSeconds: Double
    public var floorFraction: Double
    /// The floor at the best rate of any product, divided by the step's time.
    public var bestRateFloorFraction: Double
    /// The highest resident memory, summed over ranks. A mapped file counts in each rank that reads it.
    public var peakMemoryBytes: Int
    /// The step's time by section, mean over ranks.
    public var seconds: [String: Double]
    public var loss: Double
}
