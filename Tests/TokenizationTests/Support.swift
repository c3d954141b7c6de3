import Foundation
import Settings
import Testing

@testable import Tokenization

/// The folder of fixtures, which `make_fixtures.py` in it makes.
let fixtureFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/tokenizers")

func fixture(_ name: String) throws -> Data {
    try Data(contentsOf: fixtureFolder.appendingPathComponent(name))
}

/// A small tokenizer: `gpt2`, `smollm2`, `qwen2` or `llama3`.
func smallTokenizer(_ style: String) throws -> Tokenizer {
    try Tokenizer(tokenizerJSON: fixture(style + ".json"), origin: style + ".json")
}

/// A page of Unicode trouble, and the ids that Hugging Face's `tokenizers` gives for each text by style.
struct Page: Decodable {
    let texts: [String]
    let ids: [String: [[Int32]]]

    static func load() throws -> Page { try JSONDecoder().decode(Page.self, from: fixture("page.json")) }
}

/// A small tokenizer's file as a tree, to be changed and read again.
struct EditedTokenizer {
    var root: [String: Any]

    init(_ style: String = "gpt2") throws {
        root = try #require(try JSONSerialization.jsonObject(with: fixture(style + ".json")) as? [String: Any])
    }

    /// The object under `model`.
    var model: [String: Any] {
        get { root["model"] as! [String: Any] }
        set { root["model"] = newValue }
    }

    /// Gives it a merge for every two bytes, so that its ids show where words end, whatever their bytes are.
    mutating func joinAllPairs() {
        let letters = ByteAlphabet.scalars.map(String.init)
        let pairs = letters.flatMap { first in letters.map { [first, $0] } }
        let tokens = letters + pairs.map { $0.joined() }
        let ids = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, $0) })
        root["model"] = ["type": "BPE", "vocab": ids, "merges": pairs] as [String: Any]
        root["added_tokens"] = [Any]()
        root["post_processor"] = nil
    }

    func tokenizer() throws -> Tokenizer {
        try Tokenizer(tokenizerJSON: JSONSerialization.data(withJSONObject: root), origin: "edited.json")
    }

    /// The failure that reading it ends with.
    func failure() throws -> Failure? {
        do {
            _ = try tokenizer()
            return nil
        } catch let failure as Failure {
            return failure
        }
    }
}

/// A folder that vanishes with the test.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("tandem-tokenizer-\(UUID().uuidString)")
        .path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
    }
}

/// Whole numbers without pattern, the same in every run.
struct Sequence64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
