import Foundation
import Settings
import Tokenization

/// Checks that a policy and its reference use the same ids for the same tokens. Otherwise a comparison is meaningless.
public enum SharedVocabulary {
    /// The number of leading rows that stand for the same tokens in both embeddings.
    ///
    /// If both folders have a `tokenizer.json`, every id must be the same token in both. Embeddings of different sizes
    /// share the rows of the smaller one if every token has a row there: the additional rows are padding (151,936 and
    /// 152,064 rows for the 151,665 tokens of Qwen2.5).
    ///
    /// - Parameter place: the key that names the teacher, for errors.
    /// - Throws: `Failure`: configuration if the tokens differ or may differ; a tokenizer's own failure if it can't be
    ///   read.
    public static func size(student: ModelOrigin, teacher: ModelOrigin, place: String) throws(Failure) -> Int {
        try size(Pair(student: student, teacher: teacher, names: .distillation, place: place))
    }

    /// The same check for a policy and a reference whose log-probabilities of the same tokens are compared. Each model's
    /// probabilities cover all rows of its own embedding, as in Transformers, so more is accepted: with embeddings of one
    /// size, only one of the models may have a token.
    ///
    /// - Parameter place: the key that names the reference, for errors.
    /// - Returns: a notice for the user if the tokens could not be compared.
    /// - Throws: `Failure`: configuration if tokens differ or may differ; a tokenizer's own failure if sizes differ and it
    ///   can't be read.
    static func check(policy: ModelOrigin, reference: ModelOrigin, place: String) throws(Failure) -> [String] {
        let pair = Pair(student: policy, teacher: reference, names: .preference, place: place)
        guard pair.rows.student == pair.rows.teacher else {
            _ = try size(pair)
            return []
        }
        guard let ours = try TokenizerJSON(policy), let theirs = try TokenizerJSON(reference), ours.bytes != theirs.bytes else {
            return []
        }
        let (own, other): (Tokenizer, Tokenizer)
        do throws(Failure) {
            (own, other) = (try ours.tokenizer(), try theirs.tokenizer())
        } catch  where error.exitCode == .configuration {
            return ["the tokens of \(reference.name) are not compared with those of \(policy.name): \(error.place): \(error.reason)"]
        }
        try pair.checkTokens(own, other, sparingAbsent: true)
        return []
    }

    private static func size(_ pair: Pair) throws(Failure) -> Int {
        let (student, teacher) = (pair.student, pair.teacher)
        let (ours, theirs) = (try TokenizerJSON(student), try TokenizerJSON(teacher))
        // Equal files have equal tokens, even if Tandem does not support them.
        let isSameFile = ours != nil && ours?.bytes == theirs?.bytes
        if let ours, let theirs, !isSameFile { try pair.checkTokens(try ours.tokenizer(), try theirs.tokenizer()) }
        guard pair.rows.student != pair.rows.teacher else { return pair.rows.student }
        guard let known = ours ?? theirs else {
            throw pair.failure(
                "without a tokenizer.json it is unknown whether the additional rows are padding",
                remedy: "Put the tokenizer.json of one of them into its folder.")
        }
        return try pair.paddedSize(tokenCount: try known.tokenizer().vocabularySize)
    }
}

/// Two models to compare: one that learns, and its teacher or reference.
private struct Pair {
    /// The names of the two in messages.
    enum Names {
        case distillation
        case preference

        var student: String { self == .distillation ? "student" : "policy" }
        var teacher: String { self == .distillation ? "teacher" : "reference" }
    }

    let student: ModelOrigin
    let teacher: ModelOrigin
    let names: Names
    let place: String

    /// Rows of both embeddings.
    var rows: (student: Int, teacher: Int) {
        (student.configuration.vocabularySize, teacher.configuration.vocabularySize)
    }

    func failure(_ reason: String, remedy: String? = nil) -> Failure {
        .configuration(
            place,
            "the \(names.teacher) \(teacher.name) has \(rows.teacher) rows of vocabulary and the \(names.student) \(student.name) "
                + "\(rows.student): \(reason)",
            remedy: remedy ?? "Choose a \(names.teacher) and a \(names.student) with the same tokenizer.")
    }

    /// Refuses tokenizers with different tokens for one id, or with a token that only one of them has.
    ///
    /// - Parameter sparingAbsent: whether a token that only one has is accepted.
    func checkTokens(_ ours: Tokenizer, _ theirs: Tokenizer, sparingAbsent: Bool = false) throws(Failure) {
        for id in 0..<Int32(max(ours.vocabularySize, theirs.vocabularySize)) {
            let (our, their) = (
                ours.decodeBytes([id], skipSpecialTokens: false), theirs.decodeBytes([id], skipSpecialTokens: false)
            )
            guard our != their, !(sparingAbsent && (our.isEmpty || their.isEmpty)) else { continue }
            throw failure(
                "token \(id) is \(Pair.shown(their)) to the \(names.teacher) and \(Pair.shown(our)) to the \(names.student)")
        }
    }

    /// The rows of the smaller embedding, if it has a row for every token.
    ///
    /// - Parameter tokenCount: one more than the highest id of a token.
    func paddedSize(tokenCount: Int) throws(Failure) -> Int {
        let smaller = min(rows.student, rows.teacher)
        guard tokenCount <= smaller else {
            throw failure("token \(tokenCount - 1) has a row in only one of them, so the additional rows are not padding")
        }
        return smaller
    }

    /// A token as text for one line of an error.
    private static func shown(_ bytes: [UInt8]) -> String {
        bytes.isEmpty ? "none" : String(String(decoding: bytes, as: UTF8.self).prefix(40)).debugDescription
    }
}

/// The `tokenizer.json` of a model, read as bytes first.
private struct TokenizerJSON {
    let path: String
    let bytes: Data

    /// Nil if the model has no folder, or the folder has no such file.
    init?(_ origin: ModelOrigin) throws(Failure) {
        guard let folder = origin.tokenizerFolder else { return nil }
        path = folder + "/tokenizer.json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw .inputOutput(path, "can't be read", remedy: "Check that it is a file and its permissions.")
        }
        self.bytes = bytes
    }

    func tokenizer() throws(Failure) -> Tokenizer { try Tokenizer(tokenizerJSON: bytes, origin: path) }
}
