import Settings
import Testing

@Suite struct ReferencePlacementTests {
    private func placement(
        _ layout: ReferenceLayout, ranks: [Int]?, policy: ParallelLayout
    ) throws(Failure) -> ReferencePlacement? {
        try ReferenceSettings(name: "ref", checkpoint: "models/ref", layout: layout, ranks: ranks)
            .placement(policy: policy, file: "run.yaml")
    }

    @Test("the policy's own layout is no placement, however it is written")
    func same() throws {
        let policy = ParallelLayout(data: 2, tensor: 2)
        #expect(try placement(.same, ranks: nil, policy: policy) == nil)
        #expect(try placement(.same, ranks: [0, 1, 2, 3], policy: policy) == nil)
        #expect(try placement(.own(data: nil, tensor: 2), ranks: nil, policy: policy) == nil)
        #expect(try placement(.same, ranks: [1, 0, 2, 3], policy: policy) != nil)
    }

    @Test("listed ranks are cut into copies in their order")
    func replicas() throws {
        let placement = try placement(.own(data: nil, tensor: 2), ranks: [3, 0, 2, 1], policy: ParallelLayout(data: 4, tensor: 1))
        #expect(placement?.layout == ParallelLayout(data: 2, tensor: 2))
        #expect(placement?.replicas == [[3, 0], [2, 1]])
    }

    @Test("some of the ranks without a layout are cut like the policy")
    func subset() throws {
        let placement = try placement(.same, ranks: [2, 3], policy: ParallelLayout(data: 2, tensor: 2))
        #expect(placement?.layout == ParallelLayout(data: 1, tensor: 2))
    }

    @Test(
        "what can't be is refused in one line with what would fit",
        arguments: [
            (ReferenceLayout.same, [0, 4], "references.ref.ranks: names rank 4, but the job has 4. Ranks are counted from 0: the last one is 3."),
            (.same, [0], "references.ref.layout: is the policy's: 2 tensor ranks don't divide the rank count 1."),
            (.own(data: 2, tensor: 2), [0, 1], "references.ref.layout: is data 2 × tensor 2, which takes 4 ranks, but it has 2."),
            (.own(data: nil, tensor: 3), [0, 1], "references.ref.layout: is data 1 × tensor 3, which takes 3 ranks, but it has 2."),
        ])
    func refused(layout: ReferenceLayout, ranks: [Int], words: String) throws {
        let failure = try #require(throws: Failure.self) {
            try placement(layout, ranks: ranks, policy: ParallelLayout(data: 2, tensor: 2))
        }
        #expect("\(failure)".hasPrefix("run.yaml: " + words), "\(failure)")
        #expect(failure.exitCode == .configuration)
    }
}
