import Settings
import TestSupport
import Testing

/// A model that learns by different losses, with everything kept and with activations computed again.
private final class RecomputationCase: Sendable {
    let folder = TemporaryFolder()

    init() throws {
        for family in [ModelFamily.llama, .qwen2] {
            try makeCheckpoint(unevenConfiguration(family), seed: 1, in: folder, named: "policy-\(family)")
            try makeCheckpoint(unevenConfiguration(family), seed: 2, in: folder, named: "reference-\(family)")
        }
        _ = try makeDataset(randomPairs(count: 20, vocabulary: 509, lengths: 3...24, seed: 5), in: folder)
    }

    func run(_ layout: Layout, _ family: ModelFamily, _ objective: String, recompute: String) throws -> ProbeResult {
        try runProbe(
            layout, in: folder, steps: 4, batch: "pairs_per_step: 5, recompute: \(recompute)",
            sections: """
                model: {checkpoint: \(folder.file("policy-\(family)"))}
                references: {\(objective.contains("ref") ? "ref: {checkpoint: \(folder.file("reference-\(family)"))}" : "")}
                data: {train: \(folder.file("data.h5"))}
                objective: \(objective)
                """)
    }
}

@Suite(.serialized) struct RecomputationLayoutTests {
    private static let test = Result { try RecomputationCase() }

    private static let layouts =
        [Layout.single]
        + Layout.table.filter {
            ["one rank, small micro-batches", "data 2", "tensor 2, heads that don't divide", "tensor 2, small micro-batches"]
                .contains($0.name)
        }

    private static let objectives = [
        "{type: preference, reference: ref}",
        "{type: language_modeling}",
        "[{type: distillation, teacher: ref, hidden_states: {layers: [[0, 0], [2, 2]]}}, {type: language_modeling}]",
    ]

    private func figures(_ result: ProbeResult) -> [[String: Double]] {
        result.steps.map { $0.filter { $0.key != "allocations" } }
    }

    @Test(
        "activations that are computed again are the same bits: so are losses, gradients and what training makes of them",
        arguments: Layout.combinations(layouts, objectives))
    func sameBits(layout: Layout, objective: String) throws {
        let test = try Self.test.get()
        // Those of Qwen2 have biases, which are added again too.
        let family: ModelFamily = layout.tokensPerMicroBatch == 60 ? .qwen2 : .llama
        let kept = try test.run(layout, family, objective, recompute: "none")
        #expect(kept.steps.count == 4 && kept.gradients.count > 20 && kept.ranksWithSamePolicy == 0)
        for recompute in ["attention", "block"] {
            let result = try test.run(layout, family, objective, recompute: recompute)
            #expect(figures(result) == figures(kept), "\(recompute)")
            #expect(result.gradients == kept.gradients, "\(recompute)")
            #expect(result.faults == 0)
            #expect(result.ranksWithSameReferences == Double(layout.ranks))
        }
    }
}
