import Objectives

/// An objective and its weight in the total loss.
public struct WeightedObjective: Sendable {
    public let objective: any Objective
    public let weight: Double

    public init(_ objective: any Objective, weight: Double = 1) {
        self.objective = objective
        self.weight = weight
    }
}
