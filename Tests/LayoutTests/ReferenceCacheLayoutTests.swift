import Foundation
import TestSupport
import Testing

/// Three epochs of 14 pairs in steps of 4, with a reference that may be cached, and validation data.
private final class CacheCase {
    let folder = TemporaryFolder()

    init(objective: String = "{type: preference, reference: ref}") throws {
        try makeCheckpoint(unevenConfiguration(.llama), seed: 1, in: folder, named: "policy")
        try makeCheckpoint(unevenConfiguration(.llama), seed: 2, in: folder, named: "reference")
        let data = try makeDataset(randomPairs(count: 14, vocabulary: 509, lengths: 3...24, seed: 5), in: folder)
        let other = try makeDataset(
            randomPairs(count: 6, vocabulary: 509, lengths: 3...24, seed: 6), in: folder, named: "validation")
        let teacher = objective.contains("teacher") ? ", teacher: {checkpoint: \(folder.file("reference"))}" : ""
        try folder.write(
            """
            model: {checkpoint: \(folder.file("policy"))}
            references: {ref: {checkpoint: \(folder.file("reference"))}\(teacher)}
            data: {train: \(data), validation: \(other)}
            objective: \(objective)
            schedule: {epochs: 3, pairs_per_step: 4, tokens_per_micro_batch: 100}
            optimizer: {learning_rate: 1e-4}
            evaluation: {every: 5}
            run: {directory: run, threads: 1}
            """, to: "run.yaml")
    }

    /// Trains into `directory` and fails where that does.
    func train(
        _ layout: CacheLayout, cached: Bool, directory: String, _ settings: [String] = [], arguments: [String] = []
    ) throws {
        let result = try start(layout, cached: cached, directory: directory, settings, arguments: arguments)
        try #require(result.exitCode == 0, "\(result.errorOutput)")
    }

    func start(
        _ layout: CacheLayout, cached: Bool, directory: String, _ settings: [String] = [], arguments: [String] = []
    ) throws -> ProcessResult {
        let settings =
            settings + [
                "run.directory=\(folder.file(directory))", "parallel.tensor=\(layout.tensor)",
                "references.ref.cache=\(cached ? "memory" : "off")",
            ]
        return try runProgram(
            "tandem", ["train", folder.file("run.yaml")] + settings.flatMap { ["--set", $0] } + arguments,
            ranks: layout.ranks == 1 ? nil : layout.ranks)
    }

    /// Rows of `metrics.jsonl` as they are written, to the last digit, without what depends on the clock, and without the
    /// cache's own figure.
    func figures(_ directory: String, withShare: Bool = false) throws -> [String] {
        try String(contentsOfFile: folder.file(directory) + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            $0.dropLast().components(separatedBy: ", ")
                .filter { !isOfClock($0) && (withShare || !$0.contains("reference_cached")) }.joined(separator: ", ")
        }
    }

    func rows(_ directory: String) throws -> (steps: [[String: Any]], evaluations: [[String: Any]]) {
        let rows = try readJSONL(folder.file(directory) + "/metrics.jsonl")
        return (rows.filter { $0["eval"] == nil }, rows.filter { $0["eval"] != nil })
    }

    func weights(_ directory: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder.file(directory) + "/export/model.safetensors"))
    }
}

struct CacheLayout: Sendable, CustomTestStringConvertible {
    let data: Int
    let tensor: Int
    var ranks: Int { data * tensor }
    var testDescription: String { "data \(data) × tensor \(tensor)" }

    static let all = [
        CacheLayout(data: 1, tensor: 1), CacheLayout(data: 2, tensor: 1), CacheLayout(data: 1, tensor: 2),
        CacheLayout(data: 2, tensor: 2),
    ]
    static let ends = [all[0], all[3]]
}

/// How records come to be packed alike in every epoch.
private enum EqualPacking: String, CaseIterable {
    case fileOrder = "data.shuffle=false"
    /// Whatever the order, so that values cross data ranks.
    case aPairAMicroBatch = "schedule.tokens_per_micro_batch=1"
}

@Suite(.serialized) struct ReferenceCacheLayoutTests {
    private static func expectShares(_ test: CacheCase, _ directory: String) throws {
        let (steps, evaluations) = try test.rows(directory)
        #expect(steps.map { $0["reference_cached"] as? Double } == Array(repeating: 0, count: 4) + Array(repeating: 1, count: 8))
        #expect(evaluations.map { $0["eval_reference_cached"] as? Double } == [0, 1, 1, 1])
    }

    @Test("shuffled, a pair a micro-batch, a cache changes no bit of a figure or a weight", arguments: CacheLayout.all)
    func shuffled(layout: CacheLayout) throws { try expectSameBits(layout, .aPairAMicroBatch) }

    @Test("in the file's order a cache changes no bit of a figure or a weight", arguments: CacheLayout.ends)
    func fileOrder(layout: CacheLayout) throws { try expectSameBits(layout, .fileOrder) }

    private func expectSameBits(_ layout: CacheLayout, _ packing: EqualPacking) throws {
        let test = try CacheCase()
        try test.train(layout, cached: false, directory: "fresh", [packing.rawValue])
        try test.train(layout, cached: true, directory: "cached", [packing.rawValue])
        try ReferenceCacheLayoutTests.expectShares(test, "cached")
        #expect(try test.figures("cached") == test.figures("fresh"))
        #expect(try test.weights("cached") == test.weights("fresh"))
        #expect(try test.rows("fresh").steps.allSatisfy { $0["reference_cached"] == nil })
    }

    @Test("where shuffling packs them otherwise it changes losses by rounding", arguments: CacheLayout.ends)
    func rounding(layout: CacheLayout) throws {
        let test = try CacheCase()
        try test.train(layout, cached: false, directory: "fresh")
        try test.train(layout, cached: true, directory: "cached")
        try ReferenceCacheLayoutTests.expectShares(test, "cached")
        for (actual, expected) in zip(try test.rows("cached").steps, try test.rows("fresh").steps) {
            let (loss, wanted) = (actual["loss"] as! Double, expected["loss"] as! Double)
            #expect(abs(loss - wanted) <= 1e-6 * wanted, "\(loss) instead of \(wanted)")
        }
    }

    @Test("beside a teacher that asks for all tokens a cached reference's values keep their places")
    func besideATeacher() throws {
        let test = try CacheCase(
            objective: "[{type: preference, reference: ref}, {type: distillation, teacher: teacher, tokens: all}]")
        let layout = CacheLayout(data: 2, tensor: 1)
        let packing = [EqualPacking.aPairAMicroBatch.rawValue]
        try test.train(layout, cached: false, directory: "fresh", packing)
        try test.train(layout, cached: true, directory: "cached", packing)
        try ReferenceCacheLayoutTests.expectShares(test, "cached")
        #expect(try test.figures("cached") == test.figures("fresh"))
    }

    @Test("a run that is resumed with its cache is bit for bit the uninterrupted one", arguments: [CacheLayout.all[1], CacheLayout.all[3]])
    func resumes(layout: CacheLayout) throws {
        let test = try CacheCase()
        let saving = ["run.checkpoint_every=3", "run.keep_last=9"]
        try test.train(layout, cached: true, directory: "whole", saving)
        // In the first epoch, and in the second.
        for step in [3, 6] {
            try FileManager.default.copyItem(atPath: test.folder.file("whole"), toPath: test.folder.file("broken-\(step)"))
            try FileManager.default.removeItem(atPath: test.folder.file("broken-\(step)/export"))
            try test.train(layout, cached: true, directory: "broken-\(step)", saving, arguments: ["--resume=\(step)"])
            #expect(try test.figures("broken-\(step)", withShare: true) == test.figures("whole", withShare: true))
            #expect(try test.weights("broken-\(step)") == test.weights("whole"))
        }
    }

    @Test("a damaged or missing file of values and other training data are refused; other validation data are computed anew")
    func refusals() throws {
        let test = try CacheCase()
        let layout = CacheLayout(data: 2, tensor: 1)
        let saving = ["run.checkpoint_every=6", "run.keep_last=9"]
        try test.train(layout, cached: true, directory: "run", saving)
        let file = test.folder.file("run/checkpoints/step-6/reference-values.h5")
        func expect(_ exitCode: Int32, _ word: String) throws {
            let result = try test.start(layout, cached: true, directory: "run", saving, arguments: ["--resume=6"])
            #expect(result.exitCode == exitCode, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines[0].contains(word), "\(result.errorOutput)")
        }
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        var bytes = whole
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file))
        try expect(65, "reference-values.h5")
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: file))
        try expect(65, "reference-values.h5")
        try FileManager.default.removeItem(atPath: file)
        try expect(66, "reference-values.h5")
        try whole.write(to: URL(fileURLWithPath: file))

        let data = try Data(contentsOf: URL(fileURLWithPath: test.folder.file("data.h5")))
        try FileManager.default.removeItem(atPath: test.folder.file("data.h5"))
        _ = try makeDataset(randomPairs(count: 14, vocabulary: 509, lengths: 3...24, seed: 7), in: test.folder)
        try expect(65, "data.h5")
        try data.write(to: URL(fileURLWithPath: test.folder.file("data.h5")))

        try FileManager.default.removeItem(atPath: test.folder.file("validation.h5"))
        _ = try makeDataset(
            randomPairs(count: 6, vocabulary: 509, lengths: 3...24, seed: 8), in: test.folder, named: "validation")
        try test.train(layout, cached: true, directory: "run", saving, arguments: ["--resume=6"])
        let shares = try test.rows("run").evaluations.map { $0["eval_reference_cached"] as? Double }
        #expect(shares == [0, 1, 0, 1])
    }
}
