import Collectives
import Foundation
import Kernels
import Runs
import Settings
import TestSupport
import Testing
import TrainerProbing
import Training

/// What PyTorch computed of distillation in float64 (`Tests/Fixtures/distillation`).
private struct DistillationFixture: Decodable {
    struct Case: Decodable {
        var values: [String: [String: Values]]
    }

    struct Values: Decodable {
        var loss: Double
        var kl, teacher_entropy, ce, top1_agreement: Double?
        var gradient_norm: Double
        var gradient_norms: [String: Double]?
        var projection: String?
    }

    var models: [String: String]
    var cases: [String: Case]

    static let folder = fixtureFolder + "/distillation"

    static func load() throws -> DistillationFixture {
        try JSONDecoder().decode(
            DistillationFixture.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/values.json")))
    }

    /// A model's folder. `..` is resolved: exports compare paths.
    func model(_ name: String) -> String {
        URL(fileURLWithPath: DistillationFixture.folder + "/" + models[name]!).standardized.path
    }
}

struct GoldenDistillation: Sendable, CustomTestStringConvertible {
    let fixture: String
    let teachers: [String]
    /// TOKENS stands for the tokens that count.
    let objective: String
    /// A second case whose loss and gradients come on top, through `hidden_states`.
    var added: String? = nil
    var testDescription: String { ([fixture] + [added].compactMap(\.self)).joined(separator: " + ") }

    static let table = [
        GoldenDistillation(
            fixture: "forward_kl_t1", teachers: ["qwen2"], objective: "{type: distillation, teacher: qwen2, tokens: TOKENS}"),
        GoldenDistillation(
            fixture: "forward_kl_t2", teachers: ["qwen2"],
            objective: "{type: distillation, teacher: qwen2, temperature: 2, tokens: TOKENS}"),
        GoldenDistillation(
            fixture: "reverse_kl_t2", teachers: ["qwen2"],
            objective: "{type: distillation, teacher: qwen2, divergence: reverse_kl, temperature: 2, tokens: TOKENS}"),
        GoldenDistillation(
            fixture: "jensen_shannon", teachers: ["qwen2"],
            objective: """
                {type: distillation, teacher: qwen2, divergence: jensen_shannon, beta: 0.3, temperature: 1.5, tokens: TOKENS}
                """),
        GoldenDistillation(
            fixture: "two_teachers", teachers: ["qwen2", "teacher"],
            objective: "{type: distillation, teacher: {qwen2: 0.7, teacher: 0.3}, tokens: TOKENS}"),
        GoldenDistillation(
            fixture: "with_cross_entropy", teachers: ["qwen2"],
            objective: """
                [{type: distillation, teacher: qwen2, temperature: 2, tokens: TOKENS}, {type: language_modeling, weight: 0.5}]
                """),
        hidden("hidden_mse", layers: "[0, 0]"), hidden("hidden_cosine", layers: "[0, 0]", loss: "cosine"),
        hidden("hidden_mse_deeper", layers: "[1, 2]"),
    ]

    private static func hidden(_ name: String, layers: String, loss: String = "mean_squared_error") -> GoldenDistillation {
        GoldenDistillation(
            fixture: "forward_kl_t1", teachers: ["qwen2"],
            objective: """
                {type: distillation, teacher: qwen2, tokens: TOKENS, hidden_states: {layers: [\(layers)], loss: \(loss)}}
                """,
            added: name)
    }
}

/// A student of another width, depth and family than its teacher, and one whose hidden width is the teacher's.
@Suite struct GoldenDistillationTests {
    @Test(
        "losses, figures and gradients are PyTorch's in float64",
        arguments: GoldenDistillation.table, ["student", "policy"])
    func values(test: GoldenDistillation, student: String) throws {
        let fixture = try DistillationFixture.load()
        let expectedGradients = try readTensors(DistillationFixture.folder + "/gradients.safetensors")
        for tokens in ["completion", "all"] {
            for (sharing, tokensPerMicroBatch) in [(true, 4096), (false, 40)] {
                let folder = TemporaryFolder()
                let recorder = Recorder()
                let trainer = try trainer(
                    test, fixture, student: student, tokens: tokens, sharing: sharing,
                    tokensPerMicroBatch: tokensPerMicroBatch, in: folder, recorder: recorder)
                let place = "\(tokens), sharing \(sharing)"
                let cases = ([test.fixture] + [test.added].compactMap(\.self)).map { (name: $0, fixture.cases[$0]!.values[tokens]![student]!) }
                try setProjection(cases.compactMap(\.1.projection).first, of: trainer)
                try trainer.exportFirstStepGradients(to: folder.file("gradients"))
                let gradients = try readTensors(folder.file("gradients/model.safetensors"))
                for (name, gradient) in gradients where student == "student" {
                    let parts = cases.compactMap { expectedGradients["\($0.name)/\(tokens)/\(name)"] }
                    let expected = parts.dropFirst().reduce(parts[0]) { zip($0, $1).map(+) }
                    let error = relativeRootMeanSquare(gradient, expected)
                    #expect(error < 1e-4, "\(place), \(name): \(error)")
                }
                if student == "student", let added = test.added {
                    let projection = try readTensors(folder.file("gradients-projections.safetensors")).values.first!
                    let error = relativeRootMeanSquare(projection, expectedGradients["\(added)/\(tokens)/projection"]!)
                    #expect(error < 1e-4, "\(place), projection: \(error)")
                }
                if let norms = cases[0].1.gradient_norms, test.added == nil {
                    #expect(norms.count == gradients.count)
                    for (name, gradient) in gradients {
                        let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
                        #expect(abs(norm - norms[name]!) <= 1e-4 * norms[name]!, "\(place), \(name)")
                    }
                }
                try trainer.train(.fresh(overwrite: false))
                let report = recorder.steps[0]
                let loss = cases.reduce(0) { $0 + $1.1.loss }
                #expect(abs(report["loss"]! - loss) <= 1e-5 * loss, "\(place)")
                for (name, value) in [
                    ("kl", cases[0].1.kl), ("teacher_entropy", cases[0].1.teacher_entropy), ("ce", cases[0].1.ce),
                    ("teacher_agreement", cases[0].1.top1_agreement), ("hidden_states", test.added.map { _ in cases[1].1.loss }),
                ] {
                    guard let value else { continue }
                    #expect(abs(report[name]! - value) <= 1e-5 * value, "\(place), \(name)")
                }
            }
        }
    }

    private func trainer(
        _ test: GoldenDistillation, _ fixture: DistillationFixture, student: String, tokens: String, sharing: Bool,
        tokensPerMicroBatch: Int, in folder: TemporaryFolder, recorder: Recorder
    ) throws -> Trainer {
        let data = try makeDataset(goldenPairsJSONL(), in: folder)
        let teachers = test.teachers.map { "\($0): {checkpoint: \(fixture.model($0))}" }.joined(separator: ", ")
        let yaml = """
            model: {checkpoint: \(fixture.model(student))}
            references: {\(teachers)}
            data: {train: \(data), shuffle: false}
            objective: \(test.objective.replacingOccurrences(of: "TOKENS", with: tokens))
            schedule: {steps: 1, pairs_per_step: 4, tokens_per_micro_batch: \(tokensPerMicroBatch), prefix_sharing: \(sharing)}
            optimizer: {learning_rate: 1e-3, clip_norm: null}
            run: {directory: \(folder.file("run"))}
            """
        let run = try ResolvedRun(
            RunConfiguration(yaml: yaml, file: "golden.yaml"), rankCount: 1, purpose: .training)
        return try Trainer(run, mesh: .solo(), workers: Workers(threadCount: 1), listeners: [recorder])
    }

    /// The fixture's projection in place of the random one.
    private func setProjection(_ name: String?, of trainer: Trainer) throws {
        guard let name else { return }
        let values = try readTensors(DistillationFixture.folder + "/projections.safetensors")[name]!
        let projection = trainer.policy.parameters.values[trainer.policy.table.modelParameterCount]
        for row in 0..<projection.rowCount {
            for column in 0..<projection.columnCount {
                projection[row, column] = Float(values[row * projection.columnCount + column])
            }
        }
    }
}
