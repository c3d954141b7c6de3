import Settings

/// The rules for fields that would change a record's meaning: `prepare` never drops a meaning silently.
extension RecordFields {
    // MARK: Every record

    /// Refuses fields that no record may have, or no record of its kind.
    func checkFields(of form: RecordForm) throws(RecordError) {
        for field in ForeignField.recordWeights {
            try refuse(field, ", which can't be given to a single record yet") { $0.number == 1 }
        }
        if form.kind == .preference {
            try refuse(.margin, ", which can't be given to a pair yet") { $0.number == 0 }
        }
        try refuse(.teacher, ", and a record can't name its teacher yet")
        for field in ForeignField.media { try refuse(field, ", and models here read text only") }
        guard form.isText else { return }
        for name in FieldName.masks where name != .labels && has(name) {
            throw RecordError(
                "\(source(of: name)) goes with input_ids, and this record is text", remedy: remedy(for: source(of: name)))
        }
    }

    // MARK: Chats and prompts

    /// For records of messages: refuses inputs of the chat template beside the messages.
    func checkTemplateFields() throws(RecordError) {
        for field in ForeignField.ofTemplate { try refuse(field, ", which can't be given to the chat template yet") }
    }

    /// Refuses fields that say that a chat must not simply be learnt.
    func checkChatFields() throws(RecordError) {
        for field in ForeignField.rejections {
            try refuse(
                field, ", which makes it a pair, and pairs are read from chosen and rejected",
                remedy: "Give chosen and rejected in place of messages, or \(remedy(for: field.rawValue, isFirst: false))")
        }
        for field in ForeignField.opinions {
            // A number or a name is a class: it doesn't say whether the answer is wanted.
            try refuse(field, ", and chats that are wanted or not can't be prepared yet") { !$0.isTrueOrFalse }
        }
    }

    /// Refuses a system prompt beside the messages, unless the messages begin with the same prompt.
    func checkSystem(beside messages: [RecordMessage]) throws(RecordError) {
        let written = messages.first.flatMap { $0.message.role == .system ? $0.message.content : nil }
        for field in ForeignField.systemPrompts {
            try refuse(
                field, ", which is not read beside messages",
                remedy: "Make it the first message, with the role system, or \(remedy(for: field.rawValue, isFirst: false))"
            ) { $0.plainText == written && written != nil }
        }
    }

    /// Refuses texts that may belong before a prompt of text, unless they equal the prompt.
    func checkContext(of prompt: String) throws(RecordError) {
        for field in ForeignField.besidePrompt {
            try refuse(
                field, ", which is not read beside \(source(of: .prompt))",
                remedy: "Put it into the prompt, or \(remedy(for: field.rawValue, isFirst: false))"
            ) { $0.plainText == prompt }
        }
    }

    // MARK: Token ids

    /// Refuses padding, packing, token weights and unknown masks beside `input_ids`.
    func checkTokenFields(count: Int) throws(RecordError) {
        try checkAttention(.attentionMask, count: count)
        try refuse(.positionIDs, " other than 0, 1, 2, …, one for each id") {
            $0.wholeNumbers == (0..<Int32(count)).map { $0 }
        }
        let onePiece = ", and several sequences in one record can't be prepared"
        try refuse(.sequenceLengths, onePiece) { $0.wholeNumbers == [Int32(count)] }
        try refuse(.cumulativeLengths, onePiece) { $0.wholeNumbers == [0, Int32(count)] }
        for field in ForeignField.segments {
            try refuse(field, onePiece) { reader in
                guard let ids = reader.wholeNumbers else { return false }
                return ids.count == count && ids.allSatisfy { $0 == ids.first }
            }
        }
        for field in ForeignField.weightsOfTokens {
            try refuse(field, ", and weights of single tokens can't be given yet") { reader in
                reader.numbers.map { $0.count == count && $0.allSatisfy { $0 == 1 } } ?? false
            }
        }
        try checkUnknownMasks { "If it marks the ids that are learnt, use it as the mask: --field loss_mask=\($0). If not, " }
    }

    /// Refuses fields that contradict a pair's loss: it counts every token of the completions, and no others.
    func checkPairFields(_ record: DatasetRecord) throws(RecordError) {
        let ofWhole =
            FieldName.masks.filter { has($0) }.map(source)
            + [ForeignField.attentionMask, .positionIDs].filter { reader(of: $0) != nil }.map(\.rawValue)
        if let name = ofWhole.first {
            throw RecordError("\(name) goes with input_ids, not with a preference record", remedy: remedy(for: name))
        }
        let parts: [(ForeignField, ForeignField, [ForeignField], [Int32])] = [
            (.chosenAttentionMask, .chosenLabels, [.chosenMask, .chosenLossMask], record.chosen),
            (.rejectedAttentionMask, .rejectedLabels, [.rejectedMask, .rejectedLossMask], record.rejected),
        ]
        try checkAttention(.promptAttentionMask, count: record.prompt.count)
        try checkUnknownMasks { _ in "Give completions that count as a whole, or " }
        for (attention, labels, masks, ids) in parts {
            try checkAttention(attention, count: ids.count)
            let whole = ", but all tokens of the completions count, and no others"
            try refuse(labels, whole) { $0.labels == ids }
            for mask in masks { try refuse(mask, whole) { $0.marks == ids.map { _ in true } } }
        }
    }

    private func checkUnknownMasks(advice: (String) -> String) throws(RecordError) {
        for (name, start) in unknownMasks where JSONScanner(line, at: start).marks?.allSatisfy({ $0 }) != true {
            throw RecordError(
                "has \(name.printable), and no mask of that name is known",
                remedy: advice(name.printable) + remedy(for: name, isFirst: false))
        }
    }

    private func checkAttention(_ field: ForeignField, count: Int) throws(RecordError) {
        guard let reader = reader(of: field) else { return }
        guard let marks = reader.marks else {
            throw RecordError("\(field.rawValue) is not a list of ones", remedy: remedy(for: field.rawValue))
        }
        guard marks.count == count else {
            throw RecordError("\(field.rawValue) has \(marks.count) entries for \(count) ids")
        }
        guard let place = marks.firstIndex(of: false) else { return }
        throw RecordError(
            "\(field.rawValue) has a 0 at index \(place), and ids with padding can't be prepared",
            remedy: "Give the ids without padding, and masks and labels of the same length.")
    }

    // MARK: Refusals

    /// - Parameters:
    ///   - reason: follows the field's name in the error.
    ///   - isHarmless: whether the value only confirms the record's meaning.
    private func refuse(
        _ field: ForeignField, _ reason: String, remedy: String? = nil,
        unless isHarmless: (JSONScanner) -> Bool = { _ in false }
    ) throws(RecordError) {
        guard let reader = reader(of: field), !isHarmless(reader) else { return }
        throw RecordError("has \(field.rawValue)\(reason)", remedy: remedy ?? self.remedy(for: field.rawValue))
    }

    private func remedy(for name: String, isFirst: Bool = true) -> String {
        "\(isFirst ? "Leave" : "leave") it out, or ignore the field: --ignore-field \(name.printable)."
    }
}
