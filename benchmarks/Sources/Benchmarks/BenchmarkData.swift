import Datasets
import Foundation
import JSON
import Settings
import Tensors

/// The records of a benchmark, as datasets for the trainer and as JSONL for peers.
struct BenchmarkData {
    let folder: String
    let vocabulary: Int

    /// Writes `count` texts of `length` random tokens. Returns the dataset's path.
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

    /// Writes at most `count` pairs of `file`, or random pairs, in full steps of `perStep` pairs. Returns the dataset's path
    /// and the number of pairs.
    func pairs(count: Int, perStep: Int, from file: String?) throws -> (path: String, count: Int) {
        var records =
            try file.map { try BenchmarkData.read($0) }
            ?? PairLengths.bench64.pairs(count: count, vocabulary: vocabulary, seed: 17)
        guard records.count >= perStep else {
            throw Failure.damaged(file ?? "pairs", "holds \(records.count) pairs, but a step takes \(perStep)", remedy: "Give more pairs.")
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

    private struct PairLine: JSONReadable {
        let prompt, chosen, rejected: [Int32]

        init(json: JSONValue) throws(JSONMismatch) {
            let fields = try JSONFields(json)
            prompt = try fields["prompt_ids"]
            chosen = try fields["chosen_ids"]
            rejected = try fields["rejected_ids"]
        }
    }

    private static func read(_ path: String) throws -> [DatasetRecord] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure.missing(path, "can't be read", remedy: "Name a JSONL file of token ids.")
        }
        return try data.split(separator: UInt8(ascii: "\n")).enumerated().map { index, line in
            guard let pair = try? PairLine(json: JSONValue(parsing: Array(line))),
                !pair.prompt.isEmpty, !pair.chosen.isEmpty, !pair.rejected.isEmpty,
                (pair.prompt + pair.chosen + pair.rejected).allSatisfy({ $0 >= 0 })
            else {
                throw Failure.damaged(
                    "\(path):\(index + 1)", "is not a pair of token ids",
                    remedy: "Give {\"prompt_ids\": […], \"chosen_ids\": […], \"rejected_ids\": […]} in each line.")
            }
            return DatasetRecord(prompt: pair.prompt, chosen: pair.chosen, rejected: pair.rejected)
        }
    }
}
