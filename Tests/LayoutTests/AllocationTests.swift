import Settings
import TestSupport
import Testing

/// Storage is allocated while scratch grows, and never again: counted on the first rank of training runs.
@Suite(.serialized) struct AllocationTests {
    private static let layouts =
        [Layout.single]
        + Layout.table.filter {
            ["data 2", "tensor 2, heads that don't divide", "tensor 2, small micro-batches"].contains($0.name)
        } + Layout.sharded.prefix(1)

    private static let objectives = [
        "{type: preference, reference: ref}",
        // Alone its head goes backward with the forward pass.
        "{type: language_modeling}",
        """
        [{type: distillation, teacher: ref, divergence: jensen_shannon, hidden_states: {layers: [[0, 0]]}}, \
        {type: language_modeling}]
        """,
    ]

    private func allocations(
        _ layout: Layout, _ objective: String, lengths: ClosedRange<Int>, steps: Int, batch: String
    ) throws -> [Double] {
        let folder = TemporaryFolder()
        // Of bfloat16 the reference's weights are widened into scratch.
        try makeCheckpoint(unevenConfiguration(.llama), seed: 1, in: folder, named: "policy")
        try makeCheckpoint(unevenConfiguration(.llama), seed: 2, elementType: .bfloat16, in: folder, named: "reference")
        let data = try makeDataset(randomPairs(count: 20, vocabulary: 509, lengths: lengths, seed: 5), in: folder)
        let result = try runProbe(
            layout, in: folder, steps: steps, batch: batch,
            sections: """
                model: {checkpoint: \(folder.file("policy"))}
                references: {\(objective.contains("ref") ? "ref: {checkpoint: \(folder.file("reference"))}" : "")}
                data: {train: \(data), shuffle: false}
                objective: \(objective)
                """)
        let counts = result.steps.compactMap { $0["allocations"] }
        try #require(counts.count == steps)
        #expect(counts[0] > 20, "the models themselves were not counted")
        return counts
    }

    @Test("records of one length: no step after the first allocates", arguments: Layout.combinations(layouts, objectives))
    func equalLengths(layout: Layout, objective: String) throws {
        for recompute in ["none", "block"] {
            let counts = try allocations(
                layout, objective, lengths: 12...12, steps: 4, batch: "pairs_per_step: 4, recompute: \(recompute)")
            #expect(counts.dropFirst().allSatisfy { $0 == 0 }, "\(recompute): \(counts)")
        }
    }

    @Test("records of many lengths: no step allocates once all of them have been seen", arguments: layouts)
    func manyLengths(layout: Layout) throws {
        let counts = try allocations(
            layout, AllocationTests.objectives[0], lengths: 3...80, steps: 12, batch: "pairs_per_step: 5")
        #expect(counts.dropFirst(4).allSatisfy { $0 == 0 }, "\(counts)")
    }
}
