import Foundation
import Settings
import TestSupport
import Testing
import Weights

/// What is distilled, and how: the objective's keys.
struct DistillationCase: Sendable, CustomTestStringConvertible {
    let name: String
    let objective: String
    var testDescription: String { name }

    static let table = [
        DistillationCase(
            name: "forward KL of all tokens at T 2, with cross-entropy",
            objective: "[{type: distillation, teacher: wide, temperature: 2, tokens: all}, {type: language_modeling, weight: 0.5}]"),
        DistillationCase(
            name: "reverse KL of two teachers",
            objective: "{type: distillation, teacher: {wide: 0.7, deep: 0.3}, divergence: reverse_kl}"),
        DistillationCase(
            name: "Jensen–Shannon, with projected hidden states",
            objective: """
                {type: distillation, teacher: wide, divergence: jensen_shannon, beta: 0.3, temperature: 1.5, \
                hidden_states: {layers: [[0, 0], [2, 3]], weight: 0.2}}
                """),
        DistillationCase(
            name: "forward KL with the cosine of hidden states of equal width",
            objective: "{type: distillation, teacher: deep, hidden_states: {layers: [[1, 2]], loss: cosine}}"),
    ]
}

/// A student, a wider and deeper teacher of another family, a deeper one of the same width; texts and pairs.
final class DistillationModels: Sendable {
    let folder = TemporaryFolder()

    init() throws {
        let student = unevenConfiguration(.llama)
        try makeCheckpoint(student, seed: 1, in: folder, named: "student")
        try makeCheckpoint(student, seed: 1, elementType: .bfloat16, in: folder, named: "student-bfloat16")
        var wide = unevenConfiguration(.qwen2)
        (wide.hiddenSize, wide.feedForwardSize, wide.layerCount) = (56, 144, 4)
        try makeCheckpoint(wide, seed: 2, in: folder, named: "wide")
        var deep = unevenConfiguration(.llama)
        deep.layerCount = 4
        try makeCheckpoint(deep, seed: 3, elementType: .bfloat16, in: folder, named: "deep")
        _ = try makeDataset(randomPairs(count: 20, vocabulary: 509, lengths: 3...24, seed: 5), in: folder, named: "pairs")
        _ = try makeDataset(randomTexts(count: 40, vocabulary: 509, lengths: 3...48, seed: 6), in: folder, named: "texts")
    }

    func sections(_ objective: String, data: String, student: String = "student", teacherKeys: String = "") -> String {
        let keys = teacherKeys.isEmpty ? "" : ", \(teacherKeys)"
        let teachers = ["wide", "deep"].filter { objective.contains($0) }.map {
            "\($0): {checkpoint: \(folder.file($0))\(keys)}"
        }
        return """
            model: {checkpoint: \(folder.file(student))}
            references: {\(teachers.joined(separator: ", "))}
            data: {train: \(folder.file(data)).h5}
            objective: \(objective)
            """
    }

    /// - Parameter teacherKeys: of every teacher, besides its checkpoint.
    func run(_ layout: Layout, _ objective: String, data: String, teacherKeys: String = "") throws -> ProbeResult {
        try runProbe(
            layout, in: folder, steps: 4, sections: sections(objective, data: data, teacherKeys: teacherKeys))
    }
}

@Suite(.serialized) struct DistillationLayoutTests {
    private static let models = Result { try DistillationModels() }

    private static let layouts = Layout.table.filter {
        [
            "one rank, small micro-batches", "one rank, prompts laid out twice", "data 2", "tensor 2, heads that don't divide", "tensor 3",
            "data 2 × tensor 2",
        ].contains($0.name)
    }

    @Test(
        "distillation in any layout gives one rank's losses within 1e-5 and every gradient within 1e-4",
        arguments: DistillationCase.table)
    func layouts(test: DistillationCase) throws {
        let models = try DistillationLayoutTests.models.get()
        let single = try models.run(.single, test.objective, data: "pairs")
        #expect(single.steps.count == 4)
        for layout in DistillationLayoutTests.layouts {
            let result = try models.run(layout, test.objective, data: "pairs")
            for (actual, expected) in zip(result.steps, single.steps) {
                for name in ["loss", "kl", "ce", "teacher_entropy"] {
                    #expect(abs(actual[name]! - expected[name]!) <= 1e-5 * expected[name]!, "\(layout): \(name)")
                }
                #expect(abs(actual["grad_norm"]! - expected["grad_norm"]!) <= 1e-4 * expected["grad_norm"]!, "\(layout)")
            }
            #expect(result.gradients.count == single.gradients.count)
            for (name, gradient) in result.gradients {
                let error = relativeRootMeanSquare(gradient, single.gradients[name]!)
                #expect(error < 1e-4, "\(layout), \(name): \(error)")
            }
            #expect(result.faults == 0)
        }
    }

    @Test(
        "a teacher with the student's weights gives the loss 0 exactly and no gradient",
        arguments: ["forward_kl", "reverse_kl", "jensen_shannon"], ["student", "student-bfloat16"])
    func equalModels(divergence: String, checkpoint: String) throws {
        let models = try DistillationLayoutTests.models.get()
        for layout in [Layout.single] + DistillationLayoutTests.layouts where layout.prefixSharing {
            let result = try runProbe(
                layout, in: models.folder, steps: 1, batch: "tokens_per_step: 200",
                sections: """
                    model: {checkpoint: \(models.folder.file(checkpoint))}
                    references: {same: {checkpoint: \(models.folder.file(checkpoint))}}
                    data: {train: \(models.folder.file("texts")).h5}
                    objective: {type: distillation, teacher: same, divergence: \(divergence), temperature: 1.5}
                    """)
            #expect(abs(result.steps[0]["loss"]!) < 1e-12, "\(layout)")
            #expect(result.steps[0]["grad_norm"] == 0, "\(layout)")
            #expect(result.steps[0]["teacher_agreement"] == 1)
            #expect(result.gradients.values.allSatisfy { $0.allSatisfy { $0 == 0 } })
        }
    }
}
