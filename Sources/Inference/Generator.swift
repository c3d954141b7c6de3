import Collectives
import Foundation
import Kernels
import Model
import Runs
import Settings
import Stepping
import Tensors

/// Continues token sequences with a frozen model, one token at a time over a cache of keys and values.
public struct Generator {
    private let model: Transformer<Frozen>
    private let mesh: Mesh
    private let name: String

    /// Loads this rank's shard. Collective over `mesh`, which has only tensor ranks.
    public init(_ origin: ModelOrigin, mesh: Mesh, workers: Workers) throws {
        model = try mesh.agreed { try origin.frozen(tensor: mesh.tensor, workers: workers) }
        self.mesh = mesh
        name = origin.name
    }

    /// Generates tokens after `prompt`, until one of `stops` (included in the result) or until `limit` tokens. Collective.
    ///
    /// - Parameter onToken: called with each token as soon as it is chosen.
    /// - Throws: an `AgreedFailure` (internal) if a logit is not finite. It names the first tensor.
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

    /// Computes the tokens once more and looks for the first value that is not finite. Collective.
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
