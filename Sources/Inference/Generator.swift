import Collectives
import Foundation
import Kernels
import Model
import Runs
import Settings
import Stepping
import Tensors

/// How the next token is chosen.
public struct SamplingOptions: Equatable, Sendable {
    /// 0 takes the most probable token; else logits are divided by it.
    public var temperature: Double
    /// In (0, 1]: only the most probable tokens whose probabilities reach this sum are drawn from.
    public var topP: Double
    public var seed: UInt64

    public init(temperature: Double = 0, topP: Double = 1, seed: UInt64 = 17) {
        self.temperature = temperature
        self.topP = topP
        self.seed = seed
    }

    /// The token that follows, from `logits[1, V]`. `index` counts the answer's tokens: the draw depends on (seed, index)
    /// alone, so all tensor ranks draw the same.
    public func choose(_ logits: Matrix, index: Int) -> Int32 {
        let values = logits.values
        let best = values.indices.max { values[$0] < values[$1] || (values[$0] == values[$1] && $0 > $1) }!
        guard temperature > 0 else { return Int32(best) }
        let weights = values.map { exp((Double($0) - Double(values[best])) / temperature) }
        let total = weights.reduce(0, +)
        var random = KeyedRandom(key: seed, 4, UInt64(index))
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

/// Continues token sequences with a frozen model, one token at a time over a cache of keys and values.
public struct Generator {
    private let model: Transformer<Frozen>
    private let mesh: Mesh
    private let name: String

    /// Loads this rank's shard. Collective over `mesh`, whose ranks are all tensor ranks.
    public init(_ origin: ModelOrigin, mesh: Mesh, workers: Workers) throws {
        model = try mesh.agreed { try origin.frozen(tensor: mesh.tensor, workers: workers) }
        self.mesh = mesh
        name = origin.name
    }

    /// Tokens that follow `prompt`, until one of `stops` (which is included) or `limit` of them. Collective.
    ///
    /// - Parameter onToken: hears of each token as soon as it is chosen.
    /// - Throws: an `AgreedFailure` (internal) where a logit is not finite: it names the first tensor.
    public func generate(
        _ prompt: [Int32], limit: Int, options: SamplingOptions, stops: Set<Int32>, onToken: (Int32) throws -> Void = { _ in }
    ) throws -> [Int32] {
        guard limit > 0 else { return [] }
        let cache = model.makeDecodingCache(capacity: prompt.count + limit)
        var answer: [Int32] = []
        var logits = try model.decode(prompt, cache)
        while true {
            guard logits.isFinite() else { throw try AgreedFailure(fault(prompt, answer)) }
            let token = options.choose(logits, index: answer.count)
            answer.append(token)
            try onToken(token)
            if stops.contains(token) || answer.count == limit { return answer }
            logits = try model.decode([token], cache)
        }
    }

    /// Computes the tokens once more and looks into everything that is made on the way. Collective.
    private func fault(_ prompt: [Int32], _ answer: [Int32]) throws -> Failure {
        let search = FaultSearch()
        model.observer = { search.observe($0, $1) }
        defer { model.observer = nil }
        _ = try model.decode(prompt + answer, model.makeDecodingCache(capacity: prompt.count + answer.count))
        return Failure.nonFinite(
            try FaultFinding.first(search.fault, mesh: mesh), place: "--prompt, new token \(answer.count + 1)", dataset: nil,
            parameters: try model.nonFiniteParameters(over: mesh.world),
            remedy: "Look at the model with tandem inspect --verify \(name).")
    }
}
