import Foundation
import Settings
import TestSupport
import Testing

/// A run's layout, and where its reference lives beside it.
struct PlacedReference: Sendable, CustomTestStringConvertible {
    let policy: Layout
    /// Keys of `references.ref` besides its checkpoint.
    let keys: String
    var testDescription: String { "\(policy.name); \(keys)" }

    init(data: Int, tensor: Int, tokens: Int = 100, zero: Int = 0, _ keys: String) {
        policy = Layout(
            name: "data \(data) × tensor \(tensor)", data: data, tensor: tensor, tokensPerMicroBatch: tokens, zero: zero)
        self.keys = keys
    }

    static let table = [
        PlacedReference(data: 2, tensor: 1, "layout: {tensor: 2}"),
        PlacedReference(data: 1, tensor: 2, tokens: 60, "layout: {data: 2}"),
        PlacedReference(data: 2, tensor: 1, tokens: 60, "ranks: [1]"),
        PlacedReference(data: 1, tensor: 2, "layout: {tensor: 1}, ranks: [1]"),
        PlacedReference(data: 3, tensor: 1, tokens: 1, "ranks: [2, 0], layout: {tensor: 2}"),
        PlacedReference(data: 2, tensor: 2, tokens: 60, "layout: {data: 1, tensor: 3}, ranks: [3, 0, 1]"),
        PlacedReference(data: 2, tensor: 2, tokens: 1, zero: 1, "layout: {data: 4, tensor: 1}"),
    ]

    /// `./launch/test --all-layouts`
    static let further =
        !Layout.areAllAsked
        ? []
        : [
            PlacedReference(data: 4, tensor: 2, "layout: {data: 2, tensor: 3}, ranks: [0, 2, 4, 6, 7, 1]"),
            PlacedReference(data: 8, tensor: 1, zero: 1, "ranks: [5]"),
            PlacedReference(data: 4, tensor: 1, tokens: 1, "layout: {data: 2, tensor: 2}"),
            PlacedReference(data: 1, tensor: 3, tokens: 60, "layout: {data: 3}"),
            PlacedReference(data: 2, tensor: 3, tokens: 60, zero: 1, "layout: {data: 3, tensor: 2}"),
            PlacedReference(data: 6, tensor: 1, tokens: 1, "layout: {data: 2, tensor: 3}"),
        ]
}

/// References that do not live where the policy does, against one rank that has both.
@Suite(.serialized) struct ReferenceLayoutTests {
    private static let test = Result { try LayoutCase(.llama) }
    private static let models = Result { try DistillationModels() }

    private func expectSame(_ result: ProbeResult, _ single: ProbeResult, _ figures: [String] = ["loss"]) {
        #expect(result.steps.count == single.steps.count)
        for (actual, expected) in zip(result.steps, single.steps) {
            for name in figures { #expect(abs(actual[name]! - expected[name]!) <= 1e-5 * expected[name]!, "\(name)") }
            #expect(abs(actual["grad_norm"]! - expected["grad_norm"]!) <= 1e-4 * expected["grad_norm"]!)
        }
        #expect(result.gradients.count == single.gradients.count)
        for (name, gradient) in result.gradients {
            let error = relativeRootMeanSquare(gradient, single.gradients[name]!)
            #expect(error < 1e-4, "\(name): \(error)")
        }
        for (name, weights) in result.weights {
            let error = zip(weights, single.weights[name]!).map { abs($0 - $1) }.max()!
            #expect(error <= 2e-4, "\(name): \(error)")
        }
        #expect(result.faults == 0)
    }

    @Test(
        "a reference in a layout of its own gives one rank's losses, gradients and weights over 10 steps",
        arguments: PlacedReference.table + PlacedReference.further)
    func placed(_ reference: PlacedReference) throws {
        let test = try ReferenceLayoutTests.test.get()
        let result = try test.run(reference.policy, referenceKeys: reference.keys)
        expectSame(result, test.single)
        #expect(result.ranksWithSameReferences == Double(reference.policy.ranks), "the reference gave other bits after training")
    }

    @Test("two references in different places are each their own", arguments: [(2, 1), (2, 2)])
    func two(data: Int, tensor: Int) throws {
        let folder = try ReferenceLayoutTests.test.get().folder
        func run(_ layout: Layout, _ first: String, _ second: String) throws -> ProbeResult {
            try runProbe(
                layout, in: folder,
                sections: """
                    model: {checkpoint: \(folder.file("policy"))}
                    references:
                      first: {checkpoint: \(folder.file("reference"))\(first)}
                      second: {checkpoint: \(folder.file("policy-bfloat16"))\(second)}
                    data: {train: \(folder.file("data.h5"))}
                    objective:
                      - {type: preference, beta: 0.1, reference: first}
                      - {type: distillation, teacher: second, weight: 0.5}
                    """)
        }
        let single = try run(.single, "", "")
        let layout = Layout(name: "", data: data, tensor: tensor, tokensPerMicroBatch: 60)
        expectSame(
            try run(
                layout, ", ranks: [1], layout: {tensor: 1}, cache: memory", ", layout: {data: \(tensor), tensor: \(data)}"),
            single)
        expectSame(try run(layout, "", ", ranks: [0], layout: {tensor: 1}"), single)
    }

    @Test(
        "a teacher's hidden states reach a student in another layout",
        arguments: DistillationCase.table, ["layout: {data: 2}", "layout: {tensor: 1}, ranks: [1]"])
    func teachers(distillation: DistillationCase, keys: String) throws {
        let models = try ReferenceLayoutTests.models.get()
        let single = try models.run(.single, distillation.objective, data: "pairs")
        let layout = Layout(name: "", data: 1, tensor: 2, tokensPerMicroBatch: 60)
        let result = try models.run(layout, distillation.objective, data: "pairs", teacherKeys: keys)
        expectSame(result, single, ["loss", "kl", "teacher_entropy", "ce"])
    }

    @Test("four data ranks hold a copy in another type once, and it is the private copy's bits", arguments: ["float32", "bfloat16"])
    func sharedCopy(storage: String) throws {
        let test = try ReferenceLayoutTests.test.get()
        let checkpoint = storage == "float32" ? "policy-bfloat16" : "reference"
        let keys = "storage: \(storage)"
        let alone = try test.run(.single, reference: checkpoint, steps: 2, referenceKeys: keys)
        let layout = Layout(name: "", data: 4, tensor: 1, tokensPerMicroBatch: 4096)
        let result = try test.run(layout, reference: checkpoint, steps: 2, referenceKeys: keys)
        #expect(abs(result.steps[1]["loss"]! - alone.steps[1]["loss"]!) <= 1e-5 * alone.steps[1]["loss"]!)
        let count = Double(unevenConfiguration(.llama).parameterCount)
        let expected = (storage == "float32" ? 4 : 2) * count
        let bytes = result.sharedWindowBytes
        #expect(bytes > 0.9 * expected && bytes < 1.1 * expected + 65_536, "\(bytes) of \(expected)")
    }

    @Test("four data ranks hold one reference in the file's own type between them")
    func mappedOnce() throws {
        let test = try ReferenceLayoutTests.test.get()
        let result = try test.run(Layout(name: "", data: 4, tensor: 1, tokensPerMicroBatch: 4096), steps: 2)
        let size =
            try FileManager.default
            .attributesOfItem(atPath: test.folder.file("reference/model.safetensors"))[.size] as! Int
        #expect(result.sharedWindowBytes == 0)
        let bytes = result.mappedReferenceBytes
        #expect(bytes > 0.9 * Double(size) && bytes < Double(size) + 65_536, "\(bytes) of \(size)")
    }
}
