import Datasets
import Foundation
import Settings
import Tensors

/// Lengths of preference pairs in tokens, as a distribution of each part.
public struct PairLengths: Sendable {
    /// The minimum, the seven octiles between, and the maximum.
    public var prompt, chosen, rejected: [Int]
    /// Prompt and completion together, at most.
    public var longest: Int

    /// Of the 64 real pairs of the peer benchmark, `bench64_tokens.jsonl`, as SmolLM2's tokenizer cuts them: 35,005 tokens
    /// with each prompt once (8,117 of prompts, means of 127, 172 and 248), 43,122 as whole sequences.
    public static let bench64 = PairLengths(
        prompt: [62, 80, 90, 98, 107, 113, 133, 186, 442], chosen: [3, 61, 111, 147, 159, 212, 231, 269, 420],
        rejected: [62, 112, 195, 233, 249, 282, 329, 357, 420], longest: 512)

    /// Random pairs of these lengths: ids are drawn evenly, lengths along the straight lines between the octiles.
    public func pairs(count: Int, vocabulary: Int, seed: UInt64) -> [DatasetRecord] {
        (0..<count).map { index in
            var random = KeyedRandom(key: seed, PairLengths.purpose, UInt64(index))
            let prompt = length(prompt, &random)
            func completion(_ octiles: [Int]) -> [Int32] {
                TokenDraw.ids(min(length(octiles, &random), longest - prompt), vocabulary: vocabulary, &random)
            }
            let ids = TokenDraw.ids(prompt, vocabulary: vocabulary, &random)
            return DatasetRecord(prompt: ids, chosen: completion(chosen), rejected: completion(rejected))
        }
    }

    private func length(_ octiles: [Int], _ random: inout KeyedRandom) -> Int {
        let place = random.nextUnit() * Double(octiles.count - 1)
        let index = min(Int(place), octiles.count - 2)
        let (low, high) = (Double(octiles[index]), Double(octiles[index + 1]))
        return Int((low + (high - low) * (place - Double(index))).rounded())
    }

    /// "pairs" in ASCII: sets these numbers apart from others of the same seed.
    private static let purpose: UInt64 = 0x70_6169_7273
}

/// Random token ids. The first three are left out: tokenizers keep them for marks.
enum TokenDraw {
    static func ids(_ count: Int, vocabulary: Int, _ random: inout KeyedRandom) -> [Int32] {
        (0..<count).map { _ in Int32.random(in: 3..<Int32(vocabulary), using: &random) }
    }

    static func texts(count: Int, length: Int, vocabulary: Int, seed: UInt64) -> [[Int32]] {
        (0..<count).map { index in
            var random = KeyedRandom(key: seed, 0x7465_7874, UInt64(index))
            return ids(length, vocabulary: vocabulary, &random)
        }
    }
}

/// The records of a benchmark, as datasets for the trainer and as JSONL for peers.
struct BenchmarkData {
    let folder: String
    let vocabulary: Int

    /// `count` texts of `length` random tokens. Returns the dataset's path.
    func texts(count: Int, length: Int) throws -> String {
        let texts = TokenDraw.texts(count: count, length: length, vocabulary: vocabulary, seed: 17)
        let lines = texts.map { "{\"input_ids\": \($0)}\n" }.joined()
        try Data(lines.utf8).write(to: URL(fileURLWithPath: textsJSONL(length)))
        let writer = try DatasetWriter(path: "\(folder)/texts-\(length).h5", kind: .text)
        for text in texts { try writer.append(DatasetRecord(tokens: text)) }
        try writer.commit()
        return writer.path
    }

    func textsJSONL(_ length: Int) -> String { "\(folder)/texts-\(length).jsonl" }
    var pairsJSONL: String { "\(folder)/pairs.jsonl" }

    /// At most `count` pairs of `file`, or random ones; whole steps of `perStep`. Returns the dataset's path and its pairs.
    func pairs(count: Int, perStep: Int, from file: String?) throws -> (path: String, count: Int) {
        var records = try file.map { try BenchmarkData.read($0) }
            ?? PairLengths.bench64.pairs(count: count, vocabulary: vocabulary, seed: 17)
        guard records.count >= perStep else {
            throw Failure.damaged(file ?? "pairs", "holds \(records.count) pairs, a step takes \(perStep)", remedy: "Give more.")
        }
        records = Array(records.prefix(min(count, records.count / perStep * perStep)))
        let writer = try DatasetWriter(path: "\(folder)/pairs.h5", kind: .preference)
        var lines = ""
        for record in records {
            try writer.append(record)
            lines += "{\"prompt_ids\": \(record.prompt), \"chosen_ids\": \(record.chosen), \"rejected_ids\": \(record.rejected)}\n"
        }
        try writer.commit()
        try Data(lines.utf8).write(to: URL(fileURLWithPath: pairsJSONL))
        return (writer.path, records.count)
    }

    private struct PairLine: Decodable {
        let prompt_ids, chosen_ids, rejected_ids: [Int32]
    }

    private static func read(_ path: String) throws -> [DatasetRecord] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure.missing(path, "can't be read", remedy: "Name a JSONL file of token ids.")
        }
        return try data.split(separator: UInt8(ascii: "\n")).enumerated().map { index, line in
            guard let pair = try? JSONDecoder().decode(PairLine.self, from: Data(line)),
                !pair.prompt_ids.isEmpty, !pair.chosen_ids.isEmpty, !pair.rejected_ids.isEmpty,
                (pair.prompt_ids + pair.chosen_ids + pair.rejected_ids).allSatisfy({ $0 >= 0 })
            else {
                throw Failure.damaged(
                    "\(path):\(index + 1)", "is no pair of token ids",
                    remedy: "Give {\"prompt_ids\": […], \"chosen_ids\": […], \"rejected_ids\": […]} a line.")
            }
            return DatasetRecord(prompt: pair.prompt_ids, chosen: pair.chosen_ids, rejected: pair.rejected_ids)
        }
    }
}
