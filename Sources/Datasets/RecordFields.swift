import Settings
import Tokenization

/// What is wrong with one line of input, before its file and line number are known.
struct RecordError: Error {
    let reason: String
    let remedy: String
    /// Set where the line is not at fault: a chat template that is not known, for instance.
    let failure: Failure?

    init(_ reason: String, remedy: String = "Correct the line.") {
        self.reason = reason
        self.remedy = remedy
        failure = nil
    }

    init(_ failure: Failure) {
        reason = failure.reason
        remedy = failure.remedy
        self.failure = failure
    }

    func failure(at place: String) -> Failure { failure ?? .damaged(place, reason, remedy: remedy) }
}

/// The fields of one JSONL record that `prepare` understands. A field that is absent or null is nil.
///
/// Token ids are read at once; texts are passed over, and read when they are asked for.
struct RecordFields {
    private var ids: [FieldName: [Int32]] = [:]
    private var lossMask: [Bool]?
    /// Where the value of a field for the tokenizer begins.
    private var textStarts: [FieldName: Int] = [:]
    private let line: ArraySlice<UInt8>
    private let names: FieldNames

    /// - Throws: `RecordError` for malformed JSON, anything but an object, and ids that are none.
    init(parsing line: ArraySlice<UInt8>, names: FieldNames = FieldNames()) throws(RecordError) {
        self.line = line
        self.names = names
        var scanner = JSONScanner(line)
        try scanner.checkEncoding()
        try scanner.open("{")
        var seen: Set<String> = []
        while let key = try scanner.nextKey(isFirst: seen.isEmpty) {
            guard seen.insert(key).inserted else { throw RecordError("the field '\(key)' appears twice") }
            switch names[key] {
            case .promptIDs?, .chosenIDs?, .rejectedIDs?, .inputIDs?:
                ids[names[key]!] = try scanner.tokenIDs(field: key)
            case .lossMask?: lossMask = try scanner.marks(field: key)
            case let name?: textStarts[name] = try scanner.valueStart()
            case nil: try scanner.skipValue()
            }
        }
        try scanner.finish()
    }

    // MARK: What the record is

    /// What these fields make. Token ids come before text; of text, completions come before messages, and messages before
    /// a plain text, unless `asked` says which.
    ///
    /// - Throws: `RecordError` where they make nothing, or two at once.
    func form(asked: RecordKind?) throws(RecordError) -> RecordForm {
        let isPreference = ids[.promptIDs] != nil || ids[.chosenIDs] != nil || ids[.rejectedIDs] != nil
        switch (isPreference, ids[.inputIDs] != nil) {
        case (true, true):
            throw RecordError("has ids of a preference record and input_ids", remedy: "Leave one of the two out.")
        case (true, false): return RecordForm(kind: .preference, isText: false)
        case (false, true): return RecordForm(kind: .text, isText: false)
        case (false, false): return RecordForm(kind: try textKind(asked: asked), isText: true)
        }
    }

    private func textKind(asked: RecordKind?) throws(RecordError) -> RecordKind {
        let possible = RecordKind.allCases.filter { kind in
            switch kind {
            case .preference: textStarts[.chosen] != nil || textStarts[.rejected] != nil
            case .chat: textStarts[.messages] != nil
            case .text: textStarts[.text] != nil
            }
        }
        if let asked, possible.contains(asked) { return asked }
        if let first = possible.first { return first }
        throw RecordError(
            textStarts[.prompt] == nil ? "has no token ids and no text" : "has a prompt, but no token ids and no completions",
            remedy: """
                Give prompt, chosen and rejected; or messages; or text; or token ids. Fields with other names are told with \
                --field.
                """)
    }

    /// For an error: the fields with text that the record has.
    var textFields: String {
        FieldName.allCases.filter { textStarts[$0] != nil }.map(names.source).joined(separator: ", ")
    }

    // MARK: Token ids

    /// - Throws: `RecordError` naming the missing or empty field.
    func preference() throws(RecordError) -> PreferenceRecord {
        guard lossMask == nil else {
            throw RecordError("loss_mask goes with input_ids, not with a preference record", remedy: "Leave it out.")
        }
        return PreferenceRecord(
            prompt: try filled(.promptIDs), chosen: try filled(.chosenIDs), rejected: try filled(.rejectedIDs))
    }

    /// - Throws: `RecordError` for an empty text, or a mask of another length.
    func text() throws(RecordError) -> TextRecord {
        let tokens = try filled(.inputIDs)
        if let lossMask, lossMask.count != tokens.count {
            throw RecordError("loss_mask has \(lossMask.count) entries for \(tokens.count) input_ids")
        }
        if lossMask == nil, textStarts[.lossMaskingSpans] != nil {
            throw RecordError(
                "\(names.source(of: .lossMaskingSpans)) are characters of a text, and this record has input_ids",
                remedy: "Give a loss_mask with an entry for each id, or the text.")
        }
        return TextRecord(tokens: tokens, lossMask: lossMask)
    }

    private func filled(_ name: FieldName) throws(RecordError) -> [Int32] {
        let source = names.source(of: name)
        guard let ids = ids[name] else {
            throw RecordError("\(source) is missing", remedy: "Add it, or leave the record out.")
        }
        guard !ids.isEmpty else { throw RecordError("\(source) is empty", remedy: "Leave the record out.") }
        return ids
    }

    // MARK: Text for a tokenizer

    /// The field's text or messages, nil where it is absent.
    func textOrMessages(_ name: FieldName) throws(RecordError) -> TextOrMessages? {
        try value(of: name) { scanner, field throws(RecordError) in try scanner.textOrMessages(field: field) }
    }

    func text(_ name: FieldName) throws(RecordError) -> String? {
        try value(of: name) { scanner, field throws(RecordError) in try scanner.text(field: field) }
    }

    func messages(_ name: FieldName) throws(RecordError) -> [ChatMessage]? {
        try value(of: name) { scanner, field throws(RecordError) in try scanner.messages(field: field) }
    }

    func spans(_ name: FieldName) throws(RecordError) -> [Range<Int>]? {
        try value(of: name) { scanner, field throws(RecordError) in try scanner.spans(field: field) }
    }

    /// The field as the input calls it.
    func source(of name: FieldName) -> String { names.source(of: name) }

    private func value<Value>(
        of name: FieldName, _ read: (inout JSONScanner, String) throws(RecordError) -> Value
    ) throws(RecordError) -> Value? {
        guard let start = textStarts[name] else { return nil }
        var scanner = JSONScanner(line, at: start)
        return try read(&scanner, names.source(of: name))
    }
}
