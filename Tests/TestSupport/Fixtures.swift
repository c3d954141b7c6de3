import Datasets
import Foundation
import Settings
import Tensors
import Weights

/// The folder `Tests/Fixtures` of the checkout.
public let fixtureFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures").path

private let checkout = URL(fileURLWithPath: fixtureFolder).deletingLastPathComponent().deletingLastPathComponent()

/// The checkout's folder of scripts that start jobs.
public let launchFolder = checkout.appendingPathComponent("launch").path

/// The quickstart's tokenizer, of 732 tokens and without a chat template.
public let quickstartTokenizer = checkout.appendingPathComponent("quickstart/tokenizer").path

/// A folder of a test's own, removed with the value.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() {
        path = NSTemporaryDirectory() + "tandem-test-\(UUID().uuidString)"
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    public func file(_ name: String) -> String { path + "/" + name }

    /// Writes text and returns the file's path.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }
}

/// The golden pairs as the JSONL that `tandem prepare` takes.
public func goldenPairsJSONL() throws -> String {
    let data = try Data(contentsOf: URL(fileURLWithPath: fixtureFolder + "/golden/pairs.json"))
    let pairs = try JSONSerialization.jsonObject(with: data) as! [[String: Any]]
    return try pairs.map {
        String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self) + "\n"
    }.joined()
}

/// Writes `lines` of JSONL token records as a dataset file and returns its path.
public func makeDataset(_ lines: String, in folder: TemporaryFolder, named name: String = "data") throws -> String {
    let input = try folder.write(lines, to: name + ".jsonl")
    try prepare(PrepareRequest(inputs: [input], output: folder.file(name + ".h5")))
    return folder.file(name + ".h5")
}

/// Random preference pairs of token ids, as JSONL.
public func randomPairs(count: Int, vocabulary: Int, lengths: ClosedRange<Int>, seed: UInt64) -> String {
    var random = KeyedRandom(key: seed, 1)
    func ids(_ count: Int) -> String {
        "[" + (0..<count).map { _ in "\(Int.random(in: 3..<vocabulary, using: &random))" }.joined(separator: ", ") + "]"
    }
    return (0..<count).map { _ in
        let (prompt, chosen, rejected) = (
            Int.random(in: lengths, using: &random), Int.random(in: lengths, using: &random),
            Int.random(in: lengths, using: &random)
        )
        return "{\"prompt_ids\": \(ids(prompt)), \"chosen_ids\": \(ids(chosen)), \"rejected_ids\": \(ids(rejected))}\n"
    }.joined()
}

/// Random texts of token ids, as JSONL.
public func randomTexts(count: Int, vocabulary: Int, lengths: ClosedRange<Int>, seed: UInt64) -> String {
    var random = KeyedRandom(key: seed, 2)
    return (0..<count).map { _ in
        let length = Int.random(in: lengths, using: &random)
        let ids = (0..<length).map { _ in "\(Int.random(in: 3..<vocabulary, using: &random))" }
        return "{\"input_ids\": [\(ids.joined(separator: ", "))]}\n"
    }.joined()
}
