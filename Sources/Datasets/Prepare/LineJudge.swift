import Settings

/// Reads, checks and tokenises single lines. Any number of threads may use one judge at once.
struct LineJudge: Sendable {
    let names: FieldNames
    /// Nil without `--tokenizer`.
    let encoder: RecordEncoder?
    let rules: LengthRules
    let emptyPrompt: EmptyPrompt
    let asked: RecordKind?
    /// The form of the first record, which all others must have.
    let form: RecordForm

    /// - Parameter firstLine: its form is the form of all records.
    /// - Throws: `RecordError` for a first line that is no record, or for text without a tokenizer.
    init(
        firstLine: ArraySlice<UInt8>, names: FieldNames, encoder: RecordEncoder?, rules: LengthRules,
        emptyPrompt: EmptyPrompt = .refuse, asked: RecordKind?
    ) throws(RecordError) {
        let fields = try RecordFields(parsing: firstLine, names: names)
        form = try fields.form(asked: asked)
        self.names = names
        self.encoder = encoder
        self.rules = rules
        self.emptyPrompt = emptyPrompt
        self.asked = asked
        try LineJudge.check(form, asked: asked)
        guard !form.isText || encoder != nil else {
            throw RecordError(
                "has text (\(fields.textFields)) and no token ids",
                remedy: "Name the folder of the model's tokenizer: --tokenizer FOLDER.")
        }
    }

    /// - Throws: `RecordError` for any error in the line.
    func judge(_ line: ArraySlice<UInt8>) throws(RecordError) -> JudgedLine {
        do throws(RecordError) {
            return try rules.judge(try encoded(line), encoder: encoder)
        } catch {
            guard error.isEmptyPrompt, emptyPrompt == .drop else { throw error }
            return .dropped(.emptyPrompt)
        }
    }

    private func encoded(_ line: ArraySlice<UInt8>) throws(RecordError) -> EncodedRecord {
        let fields = try RecordFields(parsing: line, names: names)
        let found = try fields.form(asked: asked)
        try LineJudge.check(found, asked: asked)
        try agree(found, fields)
        try fields.checkFields(of: form)
        switch (form.kind, form.isText) {
        case (.preference, true): return try encoder!.pair(fields)
        case (.chat, true): return try encoder!.chat(fields)
        case (.text, true): return try encoder!.text(fields)
        case (.preference, false):
            let record = try fields.preference()
            try checkVocabulary(record.prompt, record.chosen, record.rejected)
            return EncodedRecord(record: record)
        case (.chat, false), (.text, false):
            let record = try fields.text()
            try checkVocabulary(record.tokens)
            return EncodedRecord(record: record)
        }
    }

    /// Token ids need no tokenizer. If one is named all the same, its vocabulary must have the ids.
    private func checkVocabulary(_ parts: [Int32]...) throws(RecordError) {
        guard let size = encoder?.tokenizer.vocabularySize else { return }
        for part in parts {
            guard let id = part.first(where: { Int($0) >= size }) else { continue }
            throw RecordError(
                "token id \(id) is out of the tokenizer's vocabulary of \(size) tokens",
                remedy: "Name the tokenizer that made the ids, or none.")
        }
    }

    private static func check(_ found: RecordForm, asked: RecordKind?) throws(RecordError) {
        guard let asked, found.kind != asked else { return }
        throw RecordError(
            "is a \(found.kind.rawValue) record, and \(asked.rawValue) records are asked for",
            remedy: "Leave --kind out, or leave the record out.")
    }

    private func agree(_ found: RecordForm, _ fields: RecordFields) throws(RecordError) {
        guard found.kind == form.kind else {
            throw RecordError(
                "is a \(found.kind.rawValue) record among \(form.kind.rawValue) records",
                remedy: "Prepare each kind of record into its own dataset.")
        }
        guard found.isText != form.isText else { return }
        guard found.isText else {
            throw RecordError("has token ids among records of text", remedy: "Prepare texts and token ids separately.")
        }
        let ids = form.kind == .preference ? "prompt_ids, chosen_ids and rejected_ids" : "input_ids"
        throw RecordError(
            "has text (\(fields.textFields)) among records of token ids",
            remedy: "Give \(ids), or prepare texts separately.")
    }
}
