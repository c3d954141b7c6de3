import Foundation
import TestSupport
import Testing
import TrainerProbing
import Training

/// What Transformers computes in float64 of a student of one family and a teacher of another (`make_distillation.py`).
struct FamilyDistillation: Decodable, Sendable, CustomTestStringConvertible {
    let student, teacher: String
    /// Forward divergence at temperature 2, times 4, mean over completion tokens.
    let loss: Double
    /// By a tensor's name in the file.
    let gradientNorms: [String: Double]

    private enum CodingKeys: String, CodingKey {
        case student, teacher, loss
        case gradientNorms = "gradient_norms"
    }

    var testDescription: String { "\(student) from \(teacher)" }

    static let all: [FamilyDistillation] = {
        let data = FileManager.default.contents(atPath: fixtureFolder + "/families/distillation.json") ?? Data()
        return (try? JSONDecoder().decode([FamilyDistillation].self, from: data)) ?? []
    }()
}

@Suite("Students and teachers of different families", .serialized)
struct FamilyDistillationTests {
    @Test("a student's loss and gradients are those of Transformers in float64", arguments: FamilyDistillation.all)
    func values(test: FamilyDistillation) throws {
        let folder = TemporaryFolder()
        let families = FamilyFixture.inRepository
        let student = try #require(families.first { $0.name == test.student })
        let teacher = try #require(families.first { $0.name == test.teacher })
        let steps = StepRecorder()
        let run = FamilyRun(
            name: "distillation", objective: "{type: distillation, teacher: ref, temperature: 2, tokens: completion}")
        let trainer = try run.trainer(of: student, reference: teacher.policy, in: folder, steps: steps)
        try trainer.exportFirstStepGradients(to: folder.file("gradients"))
        let gradients = try readTensors(folder.file("gradients/model.safetensors"))
        #expect(Set(gradients.keys) == Set(test.gradientNorms.keys))
        for (name, gradient) in gradients {
            let (norm, expected) = (gradient.reduce(0) { $0 + $1 * $1 }.squareRoot(), try #require(test.gradientNorms[name]))
            #expect(abs(norm - expected) <= FamilyTolerance.gradient * expected, "\(name)")
        }
        try trainer.train(.fresh(overwrite: false))
        let loss = try #require(steps.figures.first?["loss"])
        #expect(abs(loss - test.loss) <= FamilyTolerance.loss)
    }

    @Test("each family of the list is a student once")
    func complete() {
        #expect(Set(FamilyDistillation.all.map(\.student)) == Set(FamilyFixture.inRepository.map(\.name)))
    }
}
