import Foundation
import TestSupport
import Testing

/// The largest allowed distances of float32 from the peer's float64.
enum FamilyTolerance {
    /// Absolute, of one token's log-probability.
    static let logProbability = 2e-5
    /// Absolute.
    static let loss = 1e-5
    /// Relative.
    static let gradientNorm = 1e-4
    /// Root mean square of a tensor's difference, relative to that of its values.
    static let gradient = 1e-4
}

/// Log-probabilities of the first pairs' tokens and their sums by the reference.
func expectLogProbabilities(
    policy: [Double], reference: [Double], of values: FamilyFixture.Values, pairCount: Int,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let expected = values.tokenLogProbabilities(ofPairs: pairCount)
    try #require(policy.count == expected.count && reference.count == expected.count, sourceLocation: sourceLocation)
    let distance = zip(policy, expected).map { abs($0 - $1) }.max() ?? 0
    #expect(distance <= FamilyTolerance.logProbability, "log-probabilities", sourceLocation: sourceLocation)
    var row = 0
    for pair in values.records.prefix(pairCount) {
        for (count, sum) in [(pair.chosen.count, pair.refChosen), (pair.rejected.count, pair.refRejected)] {
            let distance = abs(reference[row..<(row + count)].reduce(0, +) - sum)
            #expect(distance <= FamilyTolerance.logProbability * Double(count), "reference", sourceLocation: sourceLocation)
            row += count
        }
    }
}

/// The first step's loss and gradient norm.
func expectFirstStep(
    _ figures: [String: Double], of values: FamilyFixture.Values, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let (loss, norm) = (try #require(figures["loss"]), try #require(figures["grad_norm"]))
    #expect(abs(loss - values.loss) <= FamilyTolerance.loss, sourceLocation: sourceLocation)
    #expect(abs(norm - values.gradNorm) <= FamilyTolerance.gradientNorm * values.gradNorm, sourceLocation: sourceLocation)
}

/// The gradients of a Hugging Face folder, tensor by tensor. A peer that wrote none is compared by the norm alone.
func expectGradients(
    in folder: String, of family: FamilyFixture, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    guard let expected = try family.gradients() else { return }
    let actual = try readTensors(folder + "/model.safetensors")
    #expect(Set(actual.keys) == Set(expected.keys), sourceLocation: sourceLocation)
    for (name, gradient) in actual {
        guard let values = expected[name], values.count == gradient.count else {
            Issue.record("\(name) has another size", sourceLocation: sourceLocation)
            continue
        }
        let error = relativeRootMeanSquare(gradient, values)
        #expect(error <= FamilyTolerance.gradient, "\(name): \(error)", sourceLocation: sourceLocation)
    }
}
