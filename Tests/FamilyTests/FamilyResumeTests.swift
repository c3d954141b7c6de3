import Foundation
import TestSupport
import Testing

@Suite("Resumed runs of families", .serialized)
struct FamilyResumeTests {
    /// A family with windows, and one with norms on both sides of a sublayer, caps and a scaled embedding.
    private static let families = FamilyFixture.inRepository.filter { ["mistral_window", "gemma2"].contains($0.name) }

    /// Rows of `metrics.jsonl` to the last digit, without those figures that depend on the clock.
    private func figures(_ run: String) throws -> [String] {
        try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            $0.components(separatedBy: ", ").filter { !isOfClock($0) }.joined(separator: ", ")
        }
    }

    @Test("a resumed run is bit for bit the uninterrupted one", arguments: families, [1, 2])
    func resumes(family: FamilyFixture, tensor: Int) throws {
        let folder = TemporaryFolder()
        let data = try family.dataset(in: folder)
        let configuration = try folder.write(
            """
            model: {checkpoint: \(family.policy)}
            references: {ref: {checkpoint: \(family.reference)}}
            data: {train: \(data)}
            objective: {type: preference, beta: 0.2, reference: ref}
            parallel: {tensor: \(tensor)}
            schedule: {steps: 7, pairs_per_step: 2, tokens_per_micro_batch: 60}
            optimizer: {learning_rate: 1e-3}
            run: {directory: \(folder.file("run")), threads: 1, checkpoint_every: 3}
            """, to: "run.yaml")
        func train(_ name: String, _ more: [String] = []) throws -> ProcessResult {
            try runProgram(
                "tandem", ["train", configuration, "--set", "run.directory=\(folder.file(name))"] + more,
                ranks: tensor == 1 ? nil : tensor)
        }
        let first = try train("whole")
        #expect(first.exitCode == 0, "\(first.errorOutput)")

        // As a crash after step 6 leaves it: no later checkpoint and no export.
        try FileManager.default.copyItem(atPath: folder.file("whole"), toPath: folder.file("broken"))
        for rest in ["export", "checkpoints/step-6"] {
            try FileManager.default.removeItem(atPath: folder.file("broken/" + rest))
        }
        let second = try train("broken", ["--resume"])
        #expect(second.exitCode == 0, "\(second.errorOutput)")
        #expect(second.output.contains("resumed     after step 3"))
        #expect(try figures(folder.file("broken")) == figures(folder.file("whole")))
        let weights = try ["broken", "whole"].map {
            try Data(contentsOf: URL(fileURLWithPath: folder.file($0) + "/export/model.safetensors"))
        }
        #expect(weights[0] == weights[1])
    }
}
