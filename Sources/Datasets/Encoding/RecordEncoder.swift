import Settings
import Tokenization

/// Turns the texts of records into token ids, with a model's tokenizer and chat template.
struct RecordEncoder: Sendable {
    let tokenizer: Tokenizer
    // A failure is thrown only for a record that needs the value: texts need no template, and a template that ends turns needs
    // no end of sequence.
    private let template: Result<ChatTemplate, Failure>
    private let endOfSequence: Result<Int32, Failure>
    /// The tokens that the tokenizer puts before every text, for example a beginning of sequence.
    let beginning: [Int32]
    /// The beginning of sequence of the configuration, even if the tokenizer does not put it before a text.
    let beginningOfSequence: Result<Int32?, Failure>
    /// Bytes that encoding drops; empty for most tokenizers.
    private let lostBytes: Set<UInt8>

    /// - Throws: `Failure` for a folder without a tokenizer, or with one that is not supported.
    init(folder: String) throws(Failure) {
        let tokenizer = try Tokenizer(folder: folder)
        self.tokenizer = tokenizer
        lostBytes = Set(tokenizer.droppedBytes)
        template = Result { () throws(Failure) in
            let template = try ChatTemplate(folder: folder)
            try template.check(against: tokenizer, place: folder)
            return template
        }
        endOfSequence = Result { () throws(Failure) in
            try EndTokens(folder: folder, tokenizer: tokenizer).endOfSequence
        }
        beginningOfSequence = Result { () throws(Failure) in try tokenizer.beginningOfSequence(folder: folder) }
        let bare = try tokenizer.encode("a", addSpecialTokens: false)
        let whole = try tokenizer.encode("a", addSpecialTokens: true)
        let starts = 0...max(whole.count - bare.count, 0)
        beginning = Array(whole.prefix(starts.first { whole.dropFirst($0).starts(with: bare) } ?? 0))
    }

    // MARK: Texts

    /// The text and the end of sequence. Masked ranges are tokenised separately, so that no token crosses the end of a range.
    func text(_ fields: RecordFields) throws(RecordError) -> EncodedRecord {
        guard let text = try fields.text(.text) else {
            throw RecordError("\(fields.source(of: .text)) is missing", remedy: "Add it, or leave the record out.")
        }
        let spans = try fields.spans(.lossMaskingSpans) ?? []
        var record: DatasetRecord
        if spans.isEmpty {
            record = DatasetRecord(tokens: try ids(of: text))
        } else {
            record = DatasetRecord(tokens: beginning, lossMask: beginning.map { _ in true })
            for (piece, counts) in try text.cut(at: spans, field: fields.source(of: .lossMaskingSpans)) {
                let ids = try self.ids(of: piece, addSpecialTokens: false)
                record.tokens += ids
                record.lossMask! += ids.map { _ in counts }
            }
        }
        record.appendEnd(try end(), isLearnt: true)
        return EncodedRecord(record: record, losesCharacters: losesCharacters(text))
    }

    // MARK: Steps for every kind of record

    func ids(of text: String, addSpecialTokens: Bool = true) throws(RecordError) -> [Int32] {
        try reading { () throws(Failure) in try tokenizer.encode(text, addSpecialTokens: addSpecialTokens) }
    }

    func losesCharacters(_ text: String) -> Bool { !lostBytes.isEmpty && text.utf8.contains(where: lostBytes.contains) }

    /// Reports a failure of `read` as an error of the line.
    func reading<Value>(_ read: () throws(Failure) -> Value) throws(RecordError) -> Value {
        do throws(Failure) { return try read() } catch {
            throw RecordError("has text that \(error.reason)", remedy: error.remedy)
        }
    }

    func knownTemplate() throws(RecordError) -> ChatTemplate {
        do throws(Failure) { return try template.get() } catch { throw RecordError(error) }
    }

    func end() throws(RecordError) -> Int32 {
        do throws(Failure) { return try endOfSequence.get() } catch { throw RecordError(error) }
    }

    func rendered(
        _ messages: [RecordMessage], by template: ChatTemplate, addGenerationPrompt: Bool
    ) throws(RecordError) -> RenderedChat {
        do throws(Failure) {
            return try template.render(messages.templateMessages, addGenerationPrompt: addGenerationPrompt)
        } catch {
            throw RecordError(error.reason, remedy: error.remedy)
        }
    }
}

extension ChatTemplate {
    /// Whether the template writes no beginning of sequence. Then the tokenizer adds it, as to any other text.
    var leavesTextBare: Bool { self == .plainText }
}

extension DatasetRecord {
    /// Appends `end`, unless the text ends with it already.
    mutating func appendEnd(_ end: Int32, isLearnt: Bool) {
        if tokens.last == end {
            if isLearnt, lossMask != nil { lossMask![tokens.count - 1] = true }
        } else {
            tokens.append(end)
            lossMask?.append(isLearnt)
        }
    }
}

extension String {
    /// The pieces between the ends of `spans`, and whether each piece is learnt. Positions count characters (Unicode scalars).
    fileprivate func cut(
        at spans: [Range<Int>], field: String
    ) throws(RecordError) -> [(piece: String, counts: Bool)] {
        let characters = unicodeScalars
        let count = characters.count
        if let beyond = spans.first(where: { $0.upperBound > count }) {
            throw RecordError("\(field) holds [\(beyond.lowerBound), \(beyond.upperBound)], and the text has \(count) characters")
        }
        let cuts = Set(spans.flatMap { [$0.lowerBound, $0.upperBound] } + [0, count]).sorted()
        let ordered = spans.sorted { $0.lowerBound < $1.lowerBound }
        var start = characters.startIndex
        var next = 0
        // The largest end of the ranges that have begun: so a piece need not look at all ranges.
        var reach = 0
        return zip(cuts, cuts.dropFirst()).map { begin, end in
            while next < ordered.count, ordered[next].lowerBound <= begin {
                reach = max(reach, ordered[next].upperBound)
                next += 1
            }
            let stop = characters.index(start, offsetBy: end - begin)
            defer { start = stop }
            return (String(characters[start..<stop]), begin >= reach)
        }
    }
}
