import Collectives
import Foundation
import Kernels
import Model
import Runs
import Settings
import TestSupport
import Testing
import TrainerProbing
import Training

/// A golden model's float64 values, as a peer computed them.
struct Golden {
    let folder: String
    let values: [String: Any]

    init(_ family: String) throws {
        folder = fixtureFolder + "/golden/" + family
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/golden.json"))
        values = try JSONSerialization.jsonObject(with: data) as! [String: Any]
    }

    func doubles(_ name: String) -> [Double] { values[name] as! [Double] }

    /// Each completion's token log-probabilities: chosen of pairs 0 to 3, then rejected.
    var tokenLogProbabilities: [[Double]] {
        let all = values["policy_token_logps"] as! [[Double]]
        let masks = values["completion_mask"] as! [[Int]]
        return zip(all, masks).map { row, mask in zip(row, mask.dropFirst()).filter { $0.1 == 1 }.map(\.0) }
    }

    /// Losses and gradient norms of three AdamW steps, and the loss after them.
    func adamW(_ run: String) -> (losses: [Double], norms: [Double], after: Double) {
        let runs = values["adamw"] as! [String: Any]
        let peer = (runs[run] as! [String: Any])["torch_float64"] as! [String: Any]
        let log = peer["log"] as! [[String: Any]]
        return (log.map { $0["loss"] as! Double }, log.map { $0["grad_norm"] as! Double }, peer["loss_after"] as! Double)
    }
}

struct GoldenCase: CustomTestStringConvertible, Sendable {
    let family: String
    let prefixSharing: Bool
    let tokensPerMicroBatch: Int

    var testDescription: String {
        "\(family), prefix sharing \(prefixSharing ? "on" : "off"), \(tokensPerMicroBatch) tokens a micro-batch"
    }

    static let all = ["llama", "qwen2"].flatMap { family in
        [true, false].flatMap { sharing in
            [4096, 50].map { GoldenCase(family: family, prefixSharing: sharing, tokensPerMicroBatch: $0) }
        }
    }
}

/// Keeps every report.
final class Recorder: EventListener {
    var steps: [StepReport] = []
    var evaluations: [EvaluationReport] = []

    func receive(_ event: TrainingEvent) throws(Failure) {
        switch event {
        case .step(let report): steps.append(report)
        case .evaluated(let report): evaluations.append(report)
        default: break
        }
    }
}

@Suite struct GoldenTests {
    private func trainer(
        _ test: GoldenCase, in folder: TemporaryFolder, optimizer: String = "{learning_rate: 1e-3, clip_norm: null}",
        recorder: Recorder = Recorder()
    ) throws -> Trainer {
        let golden = try Golden(test.family)
        let data = try makeDataset(goldenPairsJSONL(), in: folder)
        let yaml = """
            model: {checkpoint: \(golden.folder)/policy}
            references: {ref: {checkpoint: \(golden.folder)/ref}}
            data: {train: \(data), validation: \(data), shuffle: false}
            objective: {type: preference, beta: 0.1, reference: ref}
            schedule: {steps: 3, pairs_per_step: 4, tokens_per_micro_batch: \(test.tokensPerMicroBatch), prefix_sharing: \(test.prefixSharing)}
            optimizer: \(optimizer)
            run: {directory: \(folder.file("run"))}
            """
        let configuration = try RunConfiguration(yaml: yaml, file: "golden.yaml")
        let run = try ResolvedRun(configuration, rankCount: 1, purpose: .training)
        return try Trainer(run, mesh: .solo(), workers: Workers(threadCount: 1), listeners: [recorder])
    }

    @Test("token and sequence log-probabilities are the peer's within 1e-5", arguments: GoldenCase.all)
    func logProbabilities(test: GoldenCase) throws {
        let folder = TemporaryFolder()
        let golden = try Golden(test.family)
        let probe = try trainer(test, in: folder).logProbabilities(ofRecords: [0, 1, 2, 3])
        // Rows are pair after pair, chosen before rejected.
        let expected = (0..<4).flatMap { golden.tokenLogProbabilities[$0] + golden.tokenLogProbabilities[$0 + 4] }
        #expect(probe.policy.count == expected.count)
        for (actual, value) in zip(probe.policy, expected) { #expect(abs(actual - value) <= 1e-5 * abs(value)) }
        var row = 0
        for pair in 0..<4 {
            for sequence in [pair, pair + 4] {
                let count = golden.tokenLogProbabilities[sequence].count
                let (policy, reference) = (golden.doubles("policy_logps")[sequence], golden.doubles("ref_logps")[sequence])
                #expect(abs(probe.policy[row..<(row + count)].reduce(0, +) - policy) <= 1e-5 * abs(policy))
                #expect(abs(probe.references["ref"]![row..<(row + count)].reduce(0, +) - reference) <= 1e-5 * abs(reference))
                row += count
            }
        }
    }

    @Test("every gradient tensor is the peer's within 1e-4 relative RMS", arguments: GoldenCase.all)
    func gradients(test: GoldenCase) throws {
        let folder = TemporaryFolder()
        let golden = try Golden(test.family)
        try trainer(test, in: folder).exportFirstStepGradients(to: folder.file("gradients"))
        let actual = try readTensors(folder.file("gradients/model.safetensors"))
        let expected = try readTensors(golden.folder + "/tensors.safetensors")
        for (name, gradient) in actual {
            let error = relativeRootMeanSquare(gradient, expected["grad." + name]!)
            #expect(error < 1e-4, "\(name): \(error)")
        }
        #expect(actual.count == expected.keys.count { $0.hasPrefix("grad.") })
    }

    @Test("three AdamW steps give the peer's losses, norms and parameters", arguments: GoldenCase.all, ["A", "B"])
    func adamW(test: GoldenCase, name: String) throws {
        let folder = TemporaryFolder()
        let golden = try Golden(test.family)
        let recorder = Recorder()
        let optimizer =
            name == "A"
            ? "{learning_rate: 1e-3, weight_decay: 0, clip_norm: null}"
            : "{learning_rate: 1e-3, weight_decay: 0.01, clip_norm: 1.0}"
        try trainer(test, in: folder, optimizer: optimizer, recorder: recorder).train(.fresh(overwrite: false))
        let peer = golden.adamW(name)
        #expect(recorder.steps.count == 3 && peer.losses.count == 3)
        for (report, (loss, norm)) in zip(recorder.steps, zip(peer.losses, peer.norms)) {
            #expect(abs(report["loss"]! - loss) <= 1e-5 * loss)
            #expect(abs(report["grad_norm"]! - norm) <= 1e-4 * norm)
        }
        #expect(abs(recorder.evaluations[0]["eval_loss"]! - peer.losses[0]) <= 1e-5 * peer.losses[0])
        #expect(abs(recorder.evaluations[1]["eval_loss"]! - peer.after) <= 1e-5 * peer.after)

        let parameters = try readTensors(folder.file("run/export/model.safetensors"))
        let expected = try readTensors(golden.folder + "/tensors.safetensors")
        #expect(parameters.count == expected.keys.count { $0.hasPrefix("params_\(name).") })
        for (tensor, values) in parameters {
            let difference = zip(values, expected["params_\(name)." + tensor]!).map { abs($0 - $1) }.max()!
            #expect(difference <= 2e-4, "\(tensor): \(difference)")
        }
    }

    @Test("what a step logs is what TRL logs of the same run", arguments: ["llama", "qwen2"])
    func loggedFigures(family: String) throws {
        let folder = TemporaryFolder()
        let recorder = Recorder()
        let test = GoldenCase(family: family, prefixSharing: true, tokensPerMicroBatch: 4096)
        try trainer(test, in: folder, recorder: recorder).train(.fresh(overwrite: false))
        let runs = try Golden(family).values["adamw"] as! [String: Any]
        let log = ((runs["A"] as! [String: Any])["trl_float32"] as! [String: Any])["log"] as! [[String: Any]]
        #expect(log.count == 3 && recorder.steps.count == 3)
        for (report, peer) in zip(recorder.steps, log) {
            for (name, value) in peer {
                let expected = value as! Double
                // The peer's own float32: 1e-4 of the value, or 1e-4 where it is near zero.
                #expect(abs(report[name]! - expected) <= 1e-4 * max(1, abs(expected)), "\(name) of step \(report.step)")
            }
        }
    }

    @Test("results are the same bits for any number of threads")
    func threads() throws {
        let folder = TemporaryFolder()
        let test = GoldenCase(family: "llama", prefixSharing: true, tokensPerMicroBatch: 4096)
        let golden = try Golden("llama")
        var losses: [[Double]] = []
        for count in [1, 2, 3] {
            let recorder = Recorder()
            let data = try makeDataset(goldenPairsJSONL(), in: folder, named: "data\(count)")
            let yaml = """
                model: {checkpoint: \(golden.folder)/policy}
                references: {ref: {checkpoint: \(golden.folder)/ref}}
                data: {train: \(data)}
                objective: {type: preference, reference: ref}
                schedule: {steps: 3, pairs_per_step: 4, tokens_per_micro_batch: \(test.tokensPerMicroBatch)}
                optimizer: {learning_rate: 1e-3}
                run: {directory: \(folder.file("run\(count)"))}
                """
            let configuration = try RunConfiguration(yaml: yaml, file: "threads.yaml")
            let run = try ResolvedRun(configuration, rankCount: 1, purpose: .training)
            try Trainer(run, mesh: .solo(), workers: Workers(threadCount: count), listeners: [recorder]).train(.fresh(overwrite: false))
            losses.append(recorder.steps.map { $0["loss"]! })
        }
        #expect(losses[0] == losses[1])
        #expect(losses[0] == losses[2])
    }
}
