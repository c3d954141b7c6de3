import Foundation
import Settings
import Tensors

/// Divergence of the policy's distribution p from the teachers' distributions q, all at a temperature T: (T²) · Σ weight · D,
/// in nats.
///
/// D is the forward or reverse Kullback–Leibler divergence (Hinton et al., arXiv:1503.02531; Gu et al., arXiv:2306.08543) or
/// the generalised Jensen–Shannon divergence (Agarwal et al., arXiv:2306.13649), over the whole shared vocabulary. If a
/// teacher's logits have the same bits as the policy's, loss and gradient are exactly 0.
public struct Divergence: DistributionLoss {
    public enum Kind: Equatable, Sendable {
        /// Σ q (log q − log p): p covers every token that q finds probable.
        case forwardKL
        /// Σ p (log p − log q): p avoids tokens that q finds improbable.
        case reverseKL
        /// β·KL(q‖M) + (1−β)·KL(p‖M) with M = (1−β)·p + β·q; β within (0, 1). Its limits at 0 and 1 are not the two KL kinds.
        case jensenShannon(beta: Double)
    }

    public let kind: Kind
    public let references: [String]
    public let temperature: Double
    private let weights: [Double]
    /// T² or 1.
    private let scale: Double

    /// - Parameters:
    ///   - teachers: names of frozen models, and the weights of their divergences.
    ///   - temperatureSquared: multiplies the loss by T², so that the gradient's size does not depend on the temperature.
    public init(
        _ kind: Kind, teachers: [(name: String, weight: Double)], temperature: Double, temperatureSquared: Bool
    ) {
        invariant(temperature > 0 && temperature.isFinite, "a temperature is above 0")
        invariant(!teachers.isEmpty, "a divergence needs a teacher")
        if case .jensenShannon(let beta) = kind { invariant(beta > 0 && beta < 1, "β is within (0, 1)") }
        self.kind = kind
        references = teachers.map(\.name)
        weights = teachers.map(\.weight)
        self.temperature = temperature
        scale = temperatureSquared ? temperature * temperature : 1
    }

    /// KL(q‖M) and KL(p‖M) of each teacher.
    public var sumCount: Int {
        if case .jensenShannon = kind { 2 * references.count } else { 0 }
    }

    public func loss(_ row: DistributionRow) -> Double {
        var total = 0.0
        for (index, weight) in weights.enumerated() { total += weight * divergence(row, index) }
        return scale * total
    }

    private func divergence(_ row: DistributionRow, _ index: Int) -> Double {
        switch kind {
        case .forwardKL: row.references[index].forwardDivergence
        case .reverseKL: row.references[index].reverseDivergence
        case .jensenShannon(let beta):
            (beta * row.sums[2 * index] + (1 - beta) * row.sums[2 * index + 1]).withoutNegative
        }
    }

    public func accumulate(_ tile: DistributionTile, row: DistributionRow, into sums: inout MutableSpan<Double>) {
        guard case .jensenShannon(let beta) = kind else { return }
        for index in references.indices {
            let models = PairOfModels(tile, row, index)
            let found = models.mixtureSums(MixtureLogarithm(share: beta))
            sums[2 * index] += found.teacher
            sums[2 * index + 1] -= found.policy
        }
    }

    public func addGradient(
        _ tile: DistributionTile, row: DistributionRow, weight: Float, to gradient: MutableLogitRow
    ) {
        for index in references.indices {
            let models = PairOfModels(tile, row, index)
            let factor = Float(Double(weight) * scale * weights[index] / temperature)
            switch kind {
            case .forwardKL:
                models.add(ForwardSlope(factor: factor), to: gradient)
            case .reverseKL:
                let mean = Float(row.references[index].reverseDivergence)
                models.add(ReverseSlope(factor: -factor, mean: mean), to: gradient)
            case .jensenShannon(let beta):
                let slope = JensenShannonSlope(
                    factor: -factor * Float(1 - beta), logarithm: MixtureLogarithm(share: beta),
                    mean: -Float(row.sums[2 * index + 1]))
                models.add(slope, to: gradient)
            }
        }
    }
}

/// The gradient of a divergence with respect to a logit, from the log-probabilities of the logit's token.
private protocol DivergenceSlope {
    func callAsFunction(_ logs: PairOfModels.Logarithms) -> Float8
}

/// p − q, from the larger of the two and their ratio: if p and q are nearly equal, a subtraction would leave only their
/// rounding errors.
private struct ForwardSlope: DivergenceSlope {
    let factor: Float

    @inline(__always)
    func callAsFunction(_ logs: PairOfModels.Logarithms) -> Float8 {
        var larger = logs.policy
        larger.replace(with: logs.teacher, where: logs.difference .> 0)
        let signBit = SIMD8<UInt32>(repeating: 0x8000_0000)
        let bits = unsafeBitCast(logs.difference, to: SIMD8<UInt32>.self)
        let apart = unsafeBitCast(bits | signBit, to: Float8.self)
        // max(p, q) · (e^−|d| − 1) is −|p − q|; p − q has the sign of −d, with d = log q − log p.
        let negative = probability(larger) * exponentialAndLess(apart.raised).lessOne
        return unsafeBitCast(unsafeBitCast(negative, to: SIMD8<UInt32>.self) ^ (bits & signBit), to: Float8.self) * factor
    }
}

/// p·(log p − log q − KL(p‖q)); `factor` has the opposite sign.
private struct ReverseSlope: DivergenceSlope {
    let factor, mean: Float

    @inline(__always)
    func callAsFunction(_ logs: PairOfModels.Logarithms) -> Float8 {
        probability(logs.policy) * (logs.difference + mean) * factor
    }
}

/// −(1−β)·p·(log(M/p) − Σ p·log(M/p)); `factor` includes −(1−β).
private struct JensenShannonSlope: DivergenceSlope {
    let factor: Float
    let logarithm: MixtureLogarithm
    let mean: Float

    @inline(__always)
    func callAsFunction(_ logs: PairOfModels.Logarithms) -> Float8 {
        probability(logs.policy) * (logarithm(logs.difference) - mean) * factor
    }
}

/// The policy's and one teacher's log-probabilities of a tile's tokens.
private struct PairOfModels {
    struct Logarithms {
        /// log p and log q.
        let policy, teacher: Float8
        /// log q − log p, computed from unnormalised logits: precise even if the two are close.
        let difference: Float8
    }

    private let policy, teacher: LogitRow
    private let policyLogSumExp, teacherLogSumExp, normalisation: Float

    init(_ tile: DistributionTile, _ row: DistributionRow, _ index: Int) {
        policy = tile.policy
        teacher = tile.reference(index)
        let reference = row.references[index]
        policyLogSumExp = Float(row.policyLogSumExp)
        teacherLogSumExp = Float(reference.logSumExp)
        normalisation = Float(row.policyLogSumExp - reference.logSumExp)
    }

    /// Eight tokens from `column` on, or the last tokens.
    @inline(__always)
    subscript(column: Int, isWhole: Bool) -> Logarithms {
        let x = isWhole ? policy.unchecked8(column) : policy.last(column)
        let y = isWhole ? teacher.unchecked8(column) : teacher.last(column)
        return Logarithms(
            policy: x - policyLogSumExp, teacher: y - teacherLogSumExp, difference: (y - x) + normalisation)
    }

    /// Σ q·log(q/M) and Σ p·log(M/p)
    func mixtureSums(_ logarithm: MixtureLogarithm) -> (teacher: Double, policy: Double) {
        var (teacher, policy) = (WideSum(), WideSum())
        forEachBlock(self.policy.count) { column, isWhole in
            let logs = self[column, isWhole]
            let mixture = logarithm(logs.difference)
            teacher.add(probability(logs.teacher), times: logs.difference.clamped - mixture)
            policy.add(probability(logs.policy), times: mixture)
        } afterBlock: {
            teacher.flush()
            policy.flush()
        }
        return (teacher.total, policy.total)
    }

    @inline(__always)
    func add(_ slope: some DivergenceSlope, to gradient: MutableLogitRow) {
        let count = policy.count
        var column = 0
        while column + 8 <= count {
            gradient.unchecked8(add: slope(self[column, true]), column)
            column += 8
        }
        if column < count { gradient.last(add: slope(self[column, false]), column) }
    }
}
