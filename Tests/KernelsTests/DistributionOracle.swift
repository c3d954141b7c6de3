import Foundation

@testable import Kernels

// V vocabulary size. x: policy logits, y: a teacher's, both whole rows and undivided.

/// Divergences of whole rows of logits in Double, by their definitions.
enum DistributionOracle {
    static func logProbabilities(_ logits: [Double], temperature: Double) -> [Double] {
        let divided = logits.map { $0 / temperature }
        let maximum = divided.max()!
        let logSumExp = maximum + log(divided.reduce(0) { $0 + exp($1 - maximum) })
        return divided.map { $0 - logSumExp }
    }

    /// Σ a (log a − log b)
    static func kullbackLeibler(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    }

    static func mixture(_ p: [Double], _ q: [Double], beta: Double) -> [Double] {
        zip(p, q).map { log((1 - beta) * exp($0) + beta * exp($1)) }
    }

    /// D between p and q, given as log-probabilities.
    static func divergence(_ kind: Divergence.Kind, _ p: [Double], _ q: [Double]) -> Double {
        switch kind {
        case .forwardKL: return kullbackLeibler(q, p)
        case .reverseKL: return kullbackLeibler(p, q)
        case .jensenShannon(let beta):
            let middle = mixture(p, q, beta: beta)
            return beta * kullbackLeibler(q, middle) + (1 - beta) * kullbackLeibler(p, middle)
        }
    }

    /// p·∂D/∂p of each token, probabilities taken as free.
    private static func probabilitySlopes(_ kind: Divergence.Kind, _ p: [Double], _ q: [Double]) -> [Double] {
        switch kind {
        case .forwardKL: return q.map { -exp($0) }
        case .reverseKL: return zip(p, q).map { exp($0) * ($0 - $1 + 1) }
        case .jensenShannon(let beta):
            return zip(zip(p, q), mixture(p, q, beta: beta)).map { models, middle in
                let (p, q) = (exp(models.0), exp(models.1))
                let share = p * (1 - beta) / exp(middle)
                return -beta * q * share + (1 - beta) * p * (models.0 - middle + 1 - share)
            }
        }
    }

    static func loss(
        _ kind: Divergence.Kind, policy: [Double], teachers: [[Double]], weights: [Double], temperature: Double,
        squared: Bool
    ) -> Double {
        let p = logProbabilities(policy, temperature: temperature)
        let total = zip(teachers, weights).reduce(0) { total, teacher in
            total + teacher.1 * divergence(kind, p, logProbabilities(teacher.0, temperature: temperature))
        }
        return squared ? temperature * temperature * total : total
    }

    /// ∂loss/∂x: the slopes by probability through the softmax's Jacobian, pⱼ(sⱼ − Σ p·s)/T.
    static func slopes(
        _ kind: Divergence.Kind, policy: [Double], teachers: [[Double]], weights: [Double], temperature: Double,
        squared: Bool
    ) -> [Double] {
        let p = logProbabilities(policy, temperature: temperature)
        var result = [Double](repeating: 0, count: policy.count)
        for (teacher, weight) in zip(teachers, weights) {
            let products = probabilitySlopes(kind, p, logProbabilities(teacher, temperature: temperature))
            let mean = products.reduce(0, +)
            for token in result.indices {
                result[token] += weight * (products[token] - exp(p[token]) * mean) / temperature
            }
        }
        return squared ? result.map { temperature * temperature * $0 } : result
    }
}
