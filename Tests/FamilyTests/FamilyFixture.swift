import Foundation
import TestSupport
import Testing

/// A tiny model of a family with what Transformers computes of it in float64 (`Tests/Fixtures/families`).
struct FamilyFixture: Sendable, CustomTestStringConvertible {
    /// Of one preference pair.
    struct PairValues: Decodable, Sendable {
        /// Log-probability of each completion token by the policy.
        let chosen, rejected: [Double]
        /// Sums over the completion's tokens by the reference.
        let refChosen, refRejected: Double
    }

    struct Values: Decodable, Sendable {
        /// DPO at β 0.2, mean over the pairs.
        let loss: Double
        let gradNorm: Double
        let records: [PairValues]
    }

    let name: String
    /// The folder of `pairs.jsonl` and of one folder for each family.
    let collection: String

    var testDescription: String { name }
    var folder: String { collection + "/" + name }
    var policy: String { folder + "/policy" }
    var reference: String { folder + "/ref" }
    var pairs: String { collection + "/pairs.jsonl" }

    // MARK: Which there are

    /// The seven of the repository. They stand for what the others combine: frequencies of Llama 3.1, norms of heads, windows,
    /// caps, norms of 1 + w on both sides, two rotary bases, learned positions, and fused, transposed and parallel weights.
    static let inRepository = [
        "llama3_rope", "qwen3", "mistral_window", "gemma2", "gemma3", "gpt2", "gpt_neox",
    ].map { FamilyFixture(name: $0, collection: fixtureFolder + "/families") }

    /// Those of the folder that TANDEM_FAMILIES names, as `make_families.py` writes it.
    static let onDemand: [FamilyFixture] = {
        guard let path = ProcessInfo.processInfo.environment["TANDEM_FAMILIES"] else { return [] }
        let collection = URL(fileURLWithPath: path).standardized.path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: collection)) ?? []
        return names.sorted().map { FamilyFixture(name: $0, collection: collection) }
            .filter { FileManager.default.fileExists(atPath: $0.policy + "/config.json") }
    }()

    static let all = inRepository + onDemand

    // MARK: What Transformers computed

    /// From the family's own file, or from one file for all.
    func values() throws -> Values {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        if let data = FileManager.default.contents(atPath: folder + "/values.json") {
            return try decoder.decode(Values.self, from: data)
        }
        // The decoder changes names of families too, so the family's part is taken out first.
        let data = try Data(contentsOf: URL(fileURLWithPath: collection + "/values.json"))
        let families = try JSONSerialization.jsonObject(with: data) as! [String: Any]
        return try decoder.decode(Values.self, from: JSONSerialization.data(withJSONObject: families[name] as! [String: Any]))
    }

    /// The loss's gradient of each tensor, by its name in the file; nil where none was written.
    func gradients() throws -> [String: [Double]]? {
        let path = folder + "/gradients.safetensors"
        return FileManager.default.fileExists(atPath: path) ? try readTensors(path) : nil
    }

    /// The pairs as a dataset file.
    func dataset(in folder: TemporaryFolder) throws -> String {
        try makeDataset(String(contentsOfFile: pairs, encoding: .utf8), in: folder)
    }
}

extension FamilyFixture.Values {
    /// Pair after pair, chosen before rejected.
    func tokenLogProbabilities(ofPairs count: Int) -> [Double] { records.prefix(count).flatMap { $0.chosen + $0.rejected } }
}
