import Foundation
import Settings
import TestSupport
import Testing
import Weights

@testable import Runs

@Suite struct SharedVocabularyTests {
    private let folder = TemporaryFolder()

    /// A checkpoint with `rows` of vocabulary, and a tokenizer whose tokens are `a`, `b`, … and the `added` ones.
    private func model(_ name: String, rows: Int, letters: Int? = nil, added: [String] = []) throws -> ModelOrigin {
        var configuration = unevenConfiguration(.llama)
        (configuration.vocabularySize, configuration.layerCount) = (rows, 1)
        let path = try makeCheckpoint(configuration, seed: 1, in: folder, named: name)
        if let letters { try folder.write(tokenizer(letters: letters, added: added), to: name + "/tokenizer.json") }
        return try ModelOrigin(checkpoint: path)
    }

    private func tokenizer(letters: Int, added: [String]) throws -> String {
        let names = (0..<letters).map { String(UnicodeScalar(UInt8(97 + $0))) }
        let object: [String: Any] = [
            "version": "1.0", "normalizer": NSNull(), "post_processor": NSNull(),
            "added_tokens": added.enumerated().map { index, token in
                [
                    "id": letters + index, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true,
                ] as [String: Any]
            },
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false] as [String: Any],
            "decoder": ["type": "ByteLevel"] as [String: Any],
            "model": [
                "type": "BPE", "vocab": Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) }),
                "merges": [String](),
            ] as [String: Any],
        ]
        return String(decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
    }

    private func size(_ student: ModelOrigin, _ teacher: ModelOrigin) throws(Failure) -> Int {
        try SharedVocabulary.size(student: student, teacher: teacher, place: "run.yaml: references.big.checkpoint")
    }

    /// The refusal's reason behind both sizes.
    private func refusal(_ student: ModelOrigin, _ teacher: ModelOrigin) throws -> (reason: String, remedy: String) {
        let failure = try #require(throws: Failure.self) { try size(student, teacher) }
        #expect(failure.exitCode == .configuration)
        #expect(failure.place == "run.yaml: references.big.checkpoint")
        #expect(!failure.description.contains("\n"))
        let sizes =
            "the teacher \(teacher.name) has \(teacher.configuration.vocabularySize) rows of vocabulary and the student "
            + "\(student.name) \(student.configuration.vocabularySize): "
        #expect(failure.reason.hasPrefix(sizes), "\(failure.reason)")
        return (String(failure.reason.dropFirst(sizes.count)), failure.remedy)
    }

    @Test("equal embeddings and equal tokens are shared whole, with or without tokenizers")
    func equal() throws {
        let student = try model("student", rows: 24, letters: 20, added: ["<s>"])
        #expect(try size(student, model("teacher", rows: 24, letters: 20, added: ["<s>"])) == 24)
        #expect(try size(student, model("bare", rows: 24)) == 24)
        #expect(try size(model("bare student", rows: 24), model("bare", rows: 24)) == 24)
    }

    @Test("embeddings padded to different sizes share the rows of the smaller one, whichever has it")
    func padded() throws {
        let student = try model("student", rows: 24, letters: 20, added: ["<s>", "</s>"])
        let teacher = try model("teacher", rows: 32, letters: 20, added: ["<s>", "</s>"])
        #expect(try size(student, teacher) == 24)
        #expect(try size(teacher, student) == 24)
        // One tokenizer is enough to know, and tokens may fill the smaller embedding to the last row.
        #expect(try size(model("bare", rows: 22), teacher) == 22)
        #expect(try size(student, model("bare", rows: 32)) == 24)
    }

    @Test("an id that is another token is refused, the first one by name")
    func otherToken() throws {
        let student = try model("student", rows: 24, letters: 20, added: ["<s>", "</s>"])
        let teacher = try model("teacher", rows: 24, letters: 20, added: ["<s>", "<|end|>"])
        let (reason, remedy) = try refusal(student, teacher)
        #expect(reason == #"token 21 is "<|end|>" to the teacher and "</s>" to the student"#)
        #expect(remedy == "Choose a teacher and a student with the same tokenizer.")
    }

    @Test("a token that one of them lacks is refused")
    func lackingToken() throws {
        let student = try model("student", rows: 24, letters: 20, added: ["<s>", "\n\n"])
        let teacher = try model("teacher", rows: 24, letters: 20, added: ["<s>"])
        #expect(try refusal(student, teacher).reason == #"token 21 is none to the teacher and "\n\n" to the student"#)
    }

    @Test("rows beyond the smaller embedding that are tokens are refused")
    func tokensBeyond() throws {
        let teacher = try model("teacher", rows: 32, letters: 20, added: ["<s>", "</s>"])
        let expected = "token 21 has a row in only one of them, so the additional rows are not padding"
        #expect(try refusal(model("bare", rows: 21), teacher).reason == expected)
        #expect(try refusal(model("same", rows: 21, letters: 20, added: ["<s>", "</s>"]), teacher).reason == expected)
    }

    @Test("different sizes and no tokenizer are refused: nothing says what is padding")
    func unknown() throws {
        let (reason, remedy) = try refusal(model("student", rows: 24), model("teacher", rows: 32))
        #expect(reason == "without a tokenizer.json it is unknown whether the additional rows are padding")
        #expect(remedy == "Put the tokenizer.json of one of them into its folder.")
    }

    @Test("equal tokenizer files of a kind that is not supported are shared all the same; others are refused as such")
    func unsupported() throws {
        var models: [ModelOrigin] = []
        for name in ["student", "teacher", "other"] {
            models.append(try model(name, rows: 24))
            let type = name == "other" ? "WordPiece" : "Unigram"
            try folder.write(#"{"model": {"type": "\#(type)"}}"#, to: name + "/tokenizer.json")
        }
        #expect(try size(models[0], models[1]) == 24)
        let failure = try #require(throws: Failure.self) { try size(models[0], models[2]) }
        #expect(failure.exitCode == .configuration && failure.place.contains("/tokenizer.json"))
    }

    // MARK: References whose log-probabilities are compared

    private func check(_ policy: ModelOrigin, _ reference: ModelOrigin) throws(Failure) -> [String] {
        try SharedVocabulary.check(policy: policy, reference: reference, place: "run.yaml: references.sft.checkpoint")
    }

    @Test("a preference reference of other padding rows is accepted where a teacher would be, and refused in its own words")
    func references() throws {
        let policy = try model("policy", rows: 24, letters: 20, added: ["<s>", "</s>"])
        let padded = try model("padded", rows: 32, letters: 20, added: ["<s>", "</s>"])
        #expect(try check(policy, padded) == [] && check(padded, policy) == [])
        let (bare, other) = (try model("bare", rows: 24), try model("bare reference", rows: 32))
        let unknown = try #require(throws: Failure.self) { try check(bare, other) }
        #expect(unknown.reason.hasPrefix("the reference \(other.name) has 32 rows of vocabulary and the policy \(bare.name) 24: without"))
        let tokens = try #require(throws: Failure.self) { try check(model("small", rows: 21), padded) }
        #expect(tokens.reason.hasSuffix("token 21 has a row in only one of them, so the additional rows are not padding"))
    }

    @Test("of two models of one size an id may be a token of one alone, not two different ones")
    func referencesOfOneSize() throws {
        let policy = try model("policy", rows: 24, letters: 20, added: ["<s>", "<pad>"])
        #expect(try check(policy, model("base", rows: 24, letters: 20, added: ["<s>"])) == [])
        #expect(try check(policy, model("bare", rows: 24)) == [])
        let other = try #require(throws: Failure.self) { try check(policy, model("other", rows: 24, letters: 20, added: ["</s>"])) }
        #expect(other.exitCode == .configuration && other.reason.contains(#"token 20 is "</s>" to the reference and "<s>" to the policy"#))
        let unigram = try model("unigram", rows: 24)
        try folder.write(#"{"model": {"type": "Unigram"}}"#, to: "unigram/tokenizer.json")
        let notices = try check(policy, unigram)
        #expect(notices.count == 1 && notices[0].contains("unigram/tokenizer.json: model.type"))
    }
}
