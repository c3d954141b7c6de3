import Foundation
import TestSupport
import Testing

/// A layout that saves or loads.
struct SavingLayout: Sendable, Hashable, CustomTestStringConvertible {
    let data, tensor, zero: Int

    static let all = [
        SavingLayout(data: 1, tensor: 1, zero: 0), SavingLayout(data: 2, tensor: 1, zero: 0),
        SavingLayout(data: 1, tensor: 2, zero: 0), SavingLayout(data: 2, tensor: 1, zero: 1),
        SavingLayout(data: 2, tensor: 2, zero: 0), SavingLayout(data: 3, tensor: 1, zero: 1),
    ]

    var ranks: Int? { data * tensor == 1 ? nil : data * tensor }
    var testDescription: String { "data \(data) × tensor \(tensor), zero \(zero)" }
    var name: String { "\(data)-\(tensor)-\(zero)" }
}

/// One run in each layout, saved after step 4 of 7.
private actor ReshardingCase {
    static let shared = ReshardingCase()

    let folder = TemporaryFolder()
    private var isMade = false
    private var saved: Set<SavingLayout> = []

    private func make() throws {
        guard !isMade else { return }
        isMade = true
        try makeCheckpoint(unevenConfiguration(.llama), seed: 1, in: folder, named: "policy")
        try makeCheckpoint(unevenConfiguration(.llama), seed: 2, in: folder, named: "reference")
        _ = try makeDataset(randomPairs(count: 14, vocabulary: 509, lengths: 3...24, seed: 5), in: folder)
    }

    private func configuration(_ layout: SavingLayout, directory: String) throws -> String {
        try folder.write(
            """
            model: {checkpoint: \(folder.file("policy"))}
            references: {ref: {checkpoint: \(folder.file("reference"))}}
            data: {train: \(folder.file("data.h5"))}
            objective: {type: preference, reference: ref}
            parallel: {data: \(layout.data), tensor: \(layout.tensor), zero: \(layout.zero)}
            schedule: {steps: 7, pairs_per_step: 4, tokens_per_micro_batch: 100}
            optimizer: {learning_rate: 1e-3, warmup_fraction: 0.3, decay: cosine, weight_decay: 0.1}
            run: {directory: \(folder.file(directory)), threads: 1, checkpoint_every: 4, keep_last: 9}
            """, to: directory + ".yaml")
    }

    /// Trains in `layout`; returns the run's folder.
    func save(_ layout: SavingLayout) throws -> String {
        try make()
        let directory = "run-" + layout.name
        if saved.insert(layout).inserted {
            let result = try runProgram("tandem", ["train", configuration(layout, directory: directory)], ranks: layout.ranks)
            try #require(result.exitCode == 0, "\(result.errorOutput)")
        }
        return folder.file(directory)
    }

    /// Goes on in `layout` from a copy of `run`; returns the folder of what was loaded, and of the steps.
    func load(_ run: String, as layout: SavingLayout) throws -> String {
        let directory = UUID().uuidString
        try FileManager.default.copyItem(atPath: run, toPath: folder.file(directory))
        let output = folder.file(directory + "-loaded")
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        let result = try runProgram(
            "layout-probe", [configuration(layout, directory: directory), output, "4"], ranks: layout.ranks)
        try #require(result.exitCode == 0, "\(result.errorOutput)")
        return output
    }
}

@Suite("A checkpoint in another layout", .serialized) struct ReshardingTests {
    struct Pair: Sendable, CustomTestStringConvertible {
        let saved, loaded: SavingLayout
        var testDescription: String { "\(saved.testDescription) → \(loaded.testDescription)" }

        private init(_ saved: Int, _ loaded: Int) {
            self.saved = SavingLayout.all[saved]
            self.loaded = SavingLayout.all[loaded]
        }

        /// Each layout saves and loads at least once; all 36 with `./launch/test --all-layouts`.
        static let all =
            !Layout.areAllAsked
            ? [(0, 4), (1, 2), (2, 5), (2, 1), (3, 0), (4, 3), (5, 4), (5, 5)].map { Pair($0.0, $0.1) }
            : SavingLayout.all.indices.flatMap { saved in SavingLayout.all.indices.map { Pair(saved, $0) } }
    }

    @Test("what is loaded is what was saved, bit by bit, and the next steps are the uninterrupted run's to rounding", arguments: Pair.all)
    func reshards(_ pair: Pair) async throws {
        let run = try await ReshardingCase.shared.save(pair.saved)
        let loaded = try await ReshardingCase.shared.load(run, as: pair.loaded)
        let (before, after) = (
            try SavedState.parameters(run + "/checkpoints/step-4"), try SavedState.parameters(loaded + "/checkpoints/step-4")
        )
        #expect(before.count == after.count && before.count > 30)
        #expect(before.filter { after[$0.key] != $0.value }.keys.sorted() == [])
        #expect(before.filter { $0.key.hasPrefix("second_moments") }.values.allSatisfy { $0.contains { $0 != 0 } })

        let losses = try readJSONL(loaded + "/steps.jsonl").map { $0["loss"] as! Double }
        let expected = try readJSONL(run + "/metrics.jsonl").suffix(3).map { $0["loss"] as! Double }
        #expect(losses.count == 3)
        for (loss, wanted) in zip(losses, expected) { #expect(abs(loss - wanted) <= 1e-5 * abs(wanted), "\(loss), not \(wanted)") }
    }

    @Test("a run that goes on in another layout says so, and what follows")
    func notice() async throws {
        let run = try await ReshardingCase.shared.save(SavingLayout.all[1])
        let copy = run + "-noticed"
        try FileManager.default.copyItem(atPath: run, toPath: copy)
        let result = try runProgram(
            "tandem", ["train", run + ".yaml", "--resume", "--set", "run.directory=\(copy)", "--set", "parallel.data=1"])
        #expect(result.exitCode == 0, "\(result.errorOutput)")
        #expect(
            result.output.contains("note: resumed with data ranks 1 instead of 2: the rest of the run is equal up to rounding, not bit by bit"),
            "\(result.output)")
    }
}
