import Objectives

/// An objective and what it weighs in the whole loss.
public struct WeightedObjective: Sendable {
    public let objective: any Objective
    public let weight: Double

    public init(_ objective: any Objective, weight: Double = 1) {
        self.objective = objective
        self.weight = weight
    }
}
