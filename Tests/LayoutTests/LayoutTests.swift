import Foundation
import Model
import Settings
import Tensors
import TestSupport
import Testing

/// One way to cut a run over ranks and micro-batches.
struct Layout: Sendable, CustomTestStringConvertible {
    let name: String
    let data: Int
    let tensor: Int
    let tokensPerMicroBatch: Int
    var prefixSharing = true
    /// `parallel.zero`
    var zero = 0

    var testDescription: String { name }
    var ranks: Int { data * tensor }

    static let single = Layout(name: "one rank", data: 1, tensor: 1, tokensPerMicroBatch: 4096)

    /// Every row is compared with `single`.
    static let table = [
        Layout(name: "one rank, small micro-batches", data: 1, tensor: 1, tokensPerMicroBatch: 60),
        Layout(name: "one rank, prompts laid out twice", data: 1, tensor: 1, tokensPerMicroBatch: 4096, prefixSharing: false),
        Layout(name: "data 2", data: 2, tensor: 1, tokensPerMicroBatch: 4096),
        Layout(name: "data 2, a pair a micro-batch", data: 2, tensor: 1, tokensPerMicroBatch: 1),
        Layout(name: "data 3, pairs that don't divide", data: 3, tensor: 1, tokensPerMicroBatch: 100),
        Layout(name: "tensor 2, heads that don't divide", data: 1, tensor: 2, tokensPerMicroBatch: 4096),
        Layout(name: "tensor 2, small micro-batches", data: 1, tensor: 2, tokensPerMicroBatch: 60),
        Layout(name: "tensor 3", data: 1, tensor: 3, tokensPerMicroBatch: 4096),
        Layout(name: "data 2 × tensor 2", data: 2, tensor: 2, tokensPerMicroBatch: 100),
    ]

    /// Data ranks share the optimizer's state; compared with `single` too.
    static let sharded = [
        Layout(name: "data 2, state shared", data: 2, tensor: 1, tokensPerMicroBatch: 4096, zero: 1),
        Layout(name: "data 3, state shared", data: 3, tensor: 1, tokensPerMicroBatch: 100, zero: 1),
        Layout(name: "data 2 × tensor 2, state shared", data: 2, tensor: 2, tokensPerMicroBatch: 100, zero: 1),
        Layout(name: "data 6, a rank without pairs, state shared", data: 6, tensor: 1, tokensPerMicroBatch: 1, zero: 1),
    ]

    /// `./launch/test --all-layouts`
    static let areAllAsked = ProcessInfo.processInfo.environment["TANDEM_ALL_LAYOUTS"] != nil

    /// Each layout with each of `others` where all are asked for; else the first layout with each, and each layout with one.
    static func combinations<Other>(_ layouts: [Layout], _ others: [Other]) -> [(Layout, Other)] {
        if areAllAsked { return layouts.flatMap { layout in others.map { (layout, $0) } } }
        return others.map { (layouts[0], $0) }
            + layouts.indices.dropFirst().map { (layouts[$0], others[$0 % others.count]) }
    }

    /// Those that take long, or say little that is new.
    static let further =
        !areAllAsked
        ? []
        : [
            Layout(name: "data 4", data: 4, tensor: 1, tokensPerMicroBatch: 60),
            Layout(name: "data 4, state shared", data: 4, tensor: 1, tokensPerMicroBatch: 60, zero: 1),
            Layout(name: "data 5, a pair each, state shared", data: 5, tensor: 1, tokensPerMicroBatch: 4096, zero: 1),
            Layout(name: "data 2, a pair a micro-batch, state shared", data: 2, tensor: 1, tokensPerMicroBatch: 1, zero: 1),
            Layout(name: "data 3 × tensor 2", data: 3, tensor: 2, tokensPerMicroBatch: 100),
            Layout(name: "data 3 × tensor 2, state shared", data: 3, tensor: 2, tokensPerMicroBatch: 100, zero: 1),
            Layout(name: "data 4 × tensor 2, state shared", data: 4, tensor: 2, tokensPerMicroBatch: 100, zero: 1),
            Layout(name: "data 2 × tensor 3, state shared", data: 2, tensor: 3, tokensPerMicroBatch: 60, zero: 1),
        ]
}

/// What a run of the probe left behind.
struct ProbeResult: Sendable {
    let steps: [[String: Double]]
    let gradients: [String: [Double]]
    /// The exported model's parameters after the last step.
    let weights: [String: [Double]]
    let ranksWithSameReferences: Double
    let ranksWithSamePolicy: Double
    let faults: Double
    /// Resident over all ranks by the kernel's accounting, pages that several map counted once: of memory that ranks share,
    /// and of the file of a reference called "reference".
    let sharedWindowBytes, mappedReferenceBytes: Double
}

/// A model, its reference and pairs, and the run on one rank that every layout is compared with.
final class LayoutCase: Sendable {
    let folder = TemporaryFolder()
    let family: ModelFamily
    let single: ProbeResult

    init(_ family: ModelFamily) throws {
        self.family = family
        let configuration = unevenConfiguration(family)
        try makeCheckpoint(configuration, seed: 1, in: folder, named: "policy")
        try makeCheckpoint(configuration, seed: 2, in: folder, named: "reference")
        try makeCheckpoint(configuration, seed: 1, elementType: .bfloat16, in: folder, named: "policy-bfloat16")
        _ = try makeDataset(randomPairs(count: 20, vocabulary: 509, lengths: 3...24, seed: 5), in: folder)
        single = try LayoutCase.run(.single, in: folder, policy: "policy", reference: "reference")
    }

    /// - Parameter referenceKeys: of `references.ref`, besides its checkpoint.
    func run(
        _ layout: Layout, policy: String = "policy", reference: String = "reference", steps: Int = 10,
        referenceKeys: String = ""
    ) throws -> ProbeResult {
        try LayoutCase.run(
            layout, in: folder, policy: policy, reference: reference, steps: steps, referenceKeys: referenceKeys)
    }

    private static func run(
        _ layout: Layout, in folder: TemporaryFolder, policy: String, reference: String, steps: Int = 10,
        referenceKeys: String = ""
    ) throws -> ProbeResult {
        try runProbe(
            layout, in: folder, steps: steps,
            sections: """
                model: {checkpoint: \(folder.file(policy))}
                references: {ref: {checkpoint: \(folder.file(reference))\(referenceKeys.isEmpty ? "" : ", ")\(referenceKeys)}}
                data: {train: \(folder.file("data.h5"))}
                objective: {type: preference, beta: 0.1, reference: ref}
                """)
    }
}

/// Trains `steps` steps in a layout and reads what the probe says of them.
///
/// - Parameter sections: model, references, data and objective of the configuration.
func runProbe(
    _ layout: Layout, in folder: TemporaryFolder, steps: Int = 10, batch: String = "pairs_per_step: 5", sections: String
) throws -> ProbeResult {
    let output = folder.file(UUID().uuidString)
    try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    let yaml =
        sections + "\n" + """
            parallel: {data: \(layout.data), tensor: \(layout.tensor), zero: \(layout.zero)}
            schedule: {steps: \(steps), \(batch), tokens_per_micro_batch: \(layout.tokensPerMicroBatch), prefix_sharing: \(layout.prefixSharing)}
            optimizer: {learning_rate: 1e-4, weight_decay: 0.01, warmup_fraction: 0.2, decay: linear}
            run: {directory: \(output)/run, threads: 1}
            """
    try Data(yaml.utf8).write(to: URL(fileURLWithPath: output + "/run.yaml"))
    let result = try runProgram("layout-probe", [output + "/run.yaml", output], ranks: layout.ranks)
    try #require(result.exitCode == 0, "\(result.errorOutput)")
    let steps = try readJSONL(output + "/steps.jsonl").map { $0.compactMapValues { $0 as? Double } }
    let data = try Data(contentsOf: URL(fileURLWithPath: output + "/probe.json"))
    let probe = try JSONSerialization.jsonObject(with: data) as! [String: Double]
    var gradients = try readTensors(output + "/gradients/model.safetensors")
    let projections = output + "/gradients-projections.safetensors"
    if FileManager.default.fileExists(atPath: projections) {
        gradients.merge(try readTensors(projections)) { $1 }
    }
    return ProbeResult(
        steps: steps, gradients: gradients, weights: try readTensors(output + "/run/export/model.safetensors"),
        ranksWithSameReferences: probe["ranks_with_same_references"]!,
        ranksWithSamePolicy: probe["ranks_with_same_policy"]!, faults: probe["faults"]!,
        sharedWindowBytes: probe["shared_window_bytes"]!, mappedReferenceBytes: probe["mapped_reference_bytes"]!)
}

@Suite(.serialized) struct LayoutTests {
    private static let llama = Result { try LayoutCase(.llama) }
    private static let qwen2 = Result { try LayoutCase(.qwen2) }

    private static func testCase(_ family: ModelFamily) throws -> LayoutCase {
        try (family == .llama ? llama : qwen2).get()
    }

    @Test(
        "any layout gives the losses of one rank within 1e-5, every gradient within 1e-4 and the parameters within 2e-4",
        arguments: Layout.combinations(Layout.table + Layout.sharded + Layout.further, [ModelFamily.llama, .qwen2]))
    func layouts(layout: Layout, family: ModelFamily) throws {
        let test = try LayoutTests.testCase(family)
        let result = try test.run(layout)
        #expect(result.steps.count == 10)
        for (actual, expected) in zip(result.steps, test.single.steps) {
            #expect(abs(actual["loss"]! - expected["loss"]!) <= 1e-5 * expected["loss"]!)
            #expect(abs(actual["grad_norm"]! - expected["grad_norm"]!) <= 1e-4 * expected["grad_norm"]!)
            #expect(actual["sequence_tokens"] == expected["sequence_tokens"])
        }
        #expect(result.gradients.count == test.single.gradients.count)
        for (name, gradient) in result.gradients {
            let error = relativeRootMeanSquare(gradient, test.single.gradients[name]!)
            #expect(error < 1e-4, "\(name): \(error)")
        }
        #expect(result.weights.count == test.single.weights.count)
        for (name, values) in result.weights {
            let difference = zip(values, test.single.weights[name]!).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(difference <= 2e-4, "\(name): \(difference)")
        }
        #expect(result.faults == 0)
        #expect(result.ranksWithSameReferences == Double(layout.ranks), "a frozen reference gave other bits after training")
        #expect(result.ranksWithSamePolicy == 0, "the policy did not move")
    }

    @Test(
        "a reference with the policy's weights gives Δ = 0 exactly and the loss ln 2 at the first step",
        arguments: Layout.combinations([Layout.single] + Layout.table, ["policy", "policy-bfloat16"]))
    func frozenTwin(layout: Layout, checkpoint: String) throws {
        let family: ModelFamily = layout.tokensPerMicroBatch == 60 ? .qwen2 : .llama
        let result = try LayoutTests.testCase(family).run(layout, policy: checkpoint, reference: checkpoint, steps: 2)
        #expect(result.steps[0]["rewards/margins"] == 0)
        #expect(abs(result.steps[0]["loss"]! - log(2.0)) < 1e-12)
        #expect(result.steps[1]["rewards/margins"] != 0)
        #expect(result.ranksWithSameReferences == Double(layout.ranks))
    }

    @Test("who keeps the optimizer's state changes no figure, no gradient and no parameter, not by a bit", arguments: Layout.sharded)
    func shardedIsWhole(layout: Layout) throws {
        let test = try LayoutTests.testCase(.qwen2)
        var whole = layout
        whole.zero = 0
        let (shared, expected) = (try test.run(layout, steps: 5), try test.run(whole, steps: 5))
        for (actual, expected) in zip(shared.steps, expected.steps) {
            #expect(actual.filter { $0.key != "allocations" } == expected.filter { $0.key != "allocations" })
        }
        #expect(shared.gradients == expected.gradients)
        #expect(shared.weights == expected.weights)
        #expect(shared.faults == 0)
    }

    @Test("a bfloat16 checkpoint is computed with its own values, not the float32 one's")
    func bfloat16Differs() throws {
        let test = try LayoutTests.testCase(.llama)
        let result = try test.run(.single, policy: "policy-bfloat16", steps: 1)
        #expect(result.steps[0]["loss"] != test.single.steps[0]["loss"])
    }
}
