import Foundation
import Kernels
import Model
import Objectives
import Settings
import Stepping
import Tensors
import Weights

// Learned projections of hidden-state matching. They train with the policy and are not part of its export.

extension ResolvedRun {
    /// Names and shapes of all projections, in the order in which `stateMatchers` expects them, after the model's own
    /// parameters.
    var projectionShapes: [(name: String, rowCount: Int, columnCount: Int)] {
        objectives.enumerated().flatMap { index, entry in
            entry.objective.terms.flatMap { term in
                guard case .states(let matching) = term else { return [(name: String, rowCount: Int, columnCount: Int)]() }
                return projectionShapes(of: matching, ofObjective: index)
            }
        }
    }

    private func projectionShapes(
        of matching: StateMatching, ofObjective index: Int
    ) -> [(name: String, rowCount: Int, columnCount: Int)] {
        let reference = references.first { $0.settings.name == matching.reference }!.origin.configuration
        return StateMatcher.projectionShapes(
            matching, ofObjective: index, policyWidth: policy.configuration.hiddenSize, referenceWidth: reference.hiddenSize)
    }

    /// The policy's parameters: the model's own, then the projections.
    package var policyTable: ParameterTable { ParameterTable(policy.configuration, additional: projectionShapes) }

    /// The initial values of the policy's parameters.
    package var policySource: PolicySource {
        PolicySource(
            model: policy.source, names: ParameterTable(policy.configuration).names,
            additional: RandomParameters(policyTable.specifications, seed: configuration.run.seed))
    }

    /// For each objective and each of its terms: the matcher that computes it; nil for a term that the head computes.
    package func stateMatchers(workers: Workers) -> [[StateMatcher?]] {
        var next = ParameterTable(policy.configuration).modelParameterCount
        return objectives.enumerated().map { index, entry in
            entry.objective.terms.map { term in
                guard case .states(let matching) = term else { return nil }
                let count = projectionShapes(of: matching, ofObjective: index).count
                defer { next += count }
                return StateMatcher(
                    matching, projections: matching.layers.indices.map { count == 0 ? nil : next + $0 }, workers: workers)
            }
        }
    }
}
