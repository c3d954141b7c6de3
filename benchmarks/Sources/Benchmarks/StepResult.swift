import Foundation
import JSON

/// The result of a step of the trainer. Figures are medians over the timed steps.
public struct StepResult: Sendable {
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

extension StepResult: JSONRepresentable {
    public var json: JSONValue {
        .fields([
            "name": name, "model": model, "ranks": ranks, "tensor": tensor, "threads": threads, "timed_steps": timedSteps,
            "step_seconds": stepSeconds, "step_seconds_each": stepSecondsEach, "tokens": tokens,
            "tokens_per_second": tokensPerSecond, "sequence_tokens_per_second": sequenceTokensPerSecond,
            "pairs_per_second": pairsPerSecond, "model_flops": modelFlops, "model_flops_per_second": modelFlopsPerSecond,
            "floor_seconds": floorSeconds, "floor_fraction": floorFraction,
            "best_rate_floor_fraction": bestRateFloorFraction, "peak_memory_bytes": peakMemoryBytes, "seconds": seconds,
            "loss": loss,
        ])
    }

    public init(json: JSONValue) throws(JSONMismatch) {
        let fields = try JSONFields(json)
        name = try fields["name"]
        model = try fields["model"]
        ranks = try fields["ranks"]
        tensor = try fields["tensor"]
        threads = try fields["threads"]
        timedSteps = try fields["timed_steps"]
        stepSeconds = try fields["step_seconds"]
        stepSecondsEach = try fields["step_seconds_each"]
        tokens = try fields["tokens"]
        tokensPerSecond = try fields["tokens_per_second"]
        sequenceTokensPerSecond = try fields["sequence_tokens_per_second"]
        pairsPerSecond = try fields["pairs_per_second"]
        modelFlops = try fields["model_flops"]
        modelFlopsPerSecond = try fields["model_flops_per_second"]
        floorSeconds = try fields["floor_seconds"]
        floorFraction = try fields["floor_fraction"]
        bestRateFloorFraction = try fields["best_rate_floor_fraction"]
        peakMemoryBytes = try fields["peak_memory_bytes"]
        seconds = try fields["seconds"]
        loss = try fields["loss"]
    }
}
