import Settings

/// The fields of one JSONL record that `prepare` understands. A field that is absent or null is nil.
///
/// Token ids are read at once. All other values are skipped first, and read on demand.
struct RecordFields {
    private var ids: [FieldName: [Int32]] = [:]
    /// Where the value begins, for each field that `prepare` reads on demand.
    private var starts: [FieldName: Int] = [:]
    /// Where the value begins, for each field that has a meaning for other trainers.
    private var foreignStarts: [ForeignField: Int] = [:]
    /// Fields with a name like a mask's, and where their values begin.
    private(set) var unknownMasks: [(name: String, start: Int)] = []
    let line: ArraySlice<UInt8>
    private let names: FieldNames

    /// - Throws: `RecordError` for malformed JSON, a value that is not an object, or bad token ids.
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
            case let name?: starts[name] = try scanner.valueStart()
            case nil: try note(key, of: &scanner)
            }
        }
        try scanner.finish()
    }

    /// Remembers a field that is not read but may have a meaning for other trainers.
    private mutating func note(_ key: String, of scanner: inout JSONScanner) throws(RecordError) {
        guard let start = try scanner.valueStart(), !names.ignored.contains(key) else { return }
        // A usual name has no meaning if another field was chosen for it.
        guard FieldName(rawValue: key) == nil else { return }
        if let field = ForeignField(rawValue: key) {
            foreignStarts[field] = start
        } else if ForeignField.looksLikeMask(key) {
            unknownMasks.append((key, start))
        }
    }

    // MARK: Form of the record

    /// The form of the record that has these fields. If several are possible, token ids win over text. Among texts, `asked`
    /// wins; then completions win over messages, and messages over a plain text.
    ///
    /// - Throws: `RecordError` if the fields make no record, or have token ids of two kinds.
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
            case .preference: has(.chosen) || has(.rejected)
            case .chat: has(.messages)
            case .text: has(.text)
            }
        }
        if let asked, possible.contains(asked) { return asked }
        if let first = possible.first { return first }
        if has(.prompt), let answer = [ForeignField.completion, .completions].first(where: { foreignStarts[$0] != nil }) {
            let parts = foreignStarts[.label] == nil ? "prompt and \(answer)" : "prompt, \(answer) and label"
            throw RecordError(
                "is a record of \(parts), which can't be prepared yet",
                remedy: "Give messages; or a text, with loss_masking_spans over the prompt; or chosen and rejected.")
        }
        throw RecordError(
            has(.prompt) ? "has a prompt, but no token ids and no completions" : "has no token ids and no text",
            remedy: """
                Give prompt, chosen and rejected; or messages; or text; or token ids. For fields with other names, use \
                --field.
                """)
    }

    /// The record's fields with text, for an error.
    var textFields: String { FieldName.texts.filter(has).map(names.source).joined(separator: ", ") }

    // MARK: Token ids

    /// - Throws: `RecordError` for a missing or empty field, or for a field that would change the pair's meaning.
    func preference() throws(RecordError) -> DatasetRecord {
        let (chosen, rejected) = (try filled(.chosenIDs), try filled(.rejectedIDs))
        let record = DatasetRecord(prompt: try filled(.promptIDs), chosen: chosen, rejected: rejected)
        try checkPairFields(record)
        return record
    }

    /// - Throws: `RecordError` for an empty text, or for a field that would change the record's meaning.
    func text() throws(RecordError) -> DatasetRecord {
        let tokens = try filled(.inputIDs)
        try checkTokenFields(count: tokens.count)
        return DatasetRecord(tokens: tokens, lossMask: try mask(over: tokens))
    }

    private func filled(_ name: FieldName) throws(RecordError) -> [Int32] {
        let source = names.source(of: name)
        guard let ids = ids[name] else {
            throw RecordError("\(source) is missing", remedy: "Add it, or leave the record out.")
        }
        guard ids.isEmpty else { return ids }
        guard name == .promptIDs else { throw RecordError("\(source) is empty", remedy: "Leave the record out.") }
        throw RecordError(
            "\(source) is empty", remedy: "Leave the record out, or choose --empty-prompt drop.", isEmptyPrompt: true)
    }

    // MARK: Text for a tokenizer

    /// The field's text or messages; nil if the field is absent.
    func textOrMessages(_ name: FieldName) throws(RecordError) -> TextOrMessages? {
        try value(of: name) { scanner, field throws(RecordError) in
            if name == .prompt, scanner.isEmptyList {
                throw RecordError(
                    "\(field) has no messages", remedy: "Add them, or leave the record out, or choose --empty-prompt drop.",
                    isEmptyPrompt: true)
            }
            return try scanner.textOrMessages(field: field, ignoring: names.ignored)
        }
    }

    func text(_ name: FieldName) throws(RecordError) -> String? {
        try value(of: name) { scanner, field throws(RecordError) in try scanner.text(field: field) }
    }

    func messages(_ name: FieldName) throws(RecordError) -> [RecordMessage]? {
        try value(of: name) { scanner, field throws(RecordError) in
            try scanner.messages(field: field, ignoring: names.ignored)
        }
    }

    func spans(_ name: FieldName) throws(RecordError) -> [Range<Int>]? {
        try value(of: name) { scanner, field throws(RecordError) in try scanner.spans(field: field) }
    }

    // MARK: Fields

    /// The input's name of the field.
    func source(of name: FieldName) -> String { names.source(of: name) }

    /// Whether the record has the field with a value other than null. False for fields of token ids.
    func has(_ name: FieldName) -> Bool { starts[name] != nil }

    /// Reads the field's value; nil if the field is absent.
    func value<Value>(
        of name: FieldName, _ read: (inout JSONScanner, String) throws(RecordError) -> Value
    ) throws(RecordError) -> Value? {
        guard let start = starts[name] else { return nil }
        var scanner = JSONScanner(line, at: start)
        return try read(&scanner, names.source(of: name))
    }

    /// A scanner at the field's value; nil if the field is absent or says nothing: `""`, `[]`, `{}`, or nulls only.
    func reader(of field: ForeignField) -> JSONScanner? {
        guard let start = foreignStarts[field] else { return nil }
        let scanner = JSONScanner(line, at: start)
        return scanner.holdsNothing ? nil : scanner
    }
}
