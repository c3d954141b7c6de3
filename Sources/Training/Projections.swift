import Foundation
import Kernels
import Model
import Objectives
import Settings
import Tensors
import Weights

// The learned projections of hidden-state matching: parameters that train with the policy and are not part of its export.

extension ResolvedRun {
    /// Names and shapes of all projections, in the order in which `stateMatchers` expects them after the model's own.
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

    /// For each objective and each of its terms: what computes it, nil for a term that the head computes.
    func stateMatchers(workers: Workers) -> [[StateMatcher?]] {
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

/// The policy's own weights, and those that only its training has.
struct PolicySource: ParameterSource {
    let model: any ParameterSource
    /// Of the model's own.
    let names: Set<String>
    let additional: any ParameterSource

    func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        try (names.contains(name) ? model : additional).matrix(named: name, rowCount: rowCount, columnCount: columnCount)
    }
}

/// Projections start at random, N(0, 1 / columns): they keep a state's length on average.
struct RandomProjections: ParameterSource {
    let seed: UInt64

    func matrix(named name: String, rowCount: Int, columnCount: Int) throws(Failure) -> StoredMatrix {
        try RandomParameters(seed: seed, standardDeviation: 1 / Double(columnCount).squareRoot())
            .matrix(named: name, rowCount: rowCount, columnCount: columnCount)
    }
}
