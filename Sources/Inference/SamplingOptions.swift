import Collectives
import Foundation
import Kernels
import Model
import Runs
import Settings
import Stepping
import Tensors

/// Options for the choice of the next token.
public struct SamplingOptions: Equatable, Sendable {
    /// 0 takes the most probable token. Otherwise logits are divided by this value.
    public var temperature: Double
    /// In (0, 1]. Tokens are drawn from the smallest set of most probable tokens whose probabilities reach this sum.
    public var topP: Double
    public var seed: UInt64

    public init(temperature: Double = 0, topP: Double = 1, seed: UInt64 = 17) {
        self.temperature = temperature
        self.topP = topP
        self.seed = seed
    }

    /// The next token, chosen from `logits[1, V]`. `index` counts the answer's tokens. The draw depends on (seed, index)
    /// alone, so all tensor ranks draw the same token.
    public func choose(_ logits: Matrix, index: Int) -> Int32 {
        let values = logits.values
        let best = values.indices.max { values[$0] < values[$1] || (values[$0] == values[$1] && $0 > $1) }!
        guard temperature > 0 else { return Int32(best) }
        let weights = values.map { exp((Double($0) - Double(values[best])) / temperature) }
        let total = weights.reduce(0, +)
        var random = KeyedRandom(key: seed, RandomPurpose.sampledTokens, UInt64(index))
        var kept: [Int] = []
        var keptSum = 0.0
        for token in weights.indices.sorted(by: { weights[$0] > weights[$1] || (weights[$0] == weights[$1] && $0 < $1) }) {
            kept.append(token)
            keptSum += weights[token]
            if keptSum >= topP * total { break }
        }
        var rest = random.nextUnit() * keptSum
        for token in kept {
            rest -= weights[token]
            if rest <= 0 { return Int32(token) }
        }
        return Int32(kept.last!)
    }
}
