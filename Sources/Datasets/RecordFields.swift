/// What is wrong with one line of input, before its file and line number are known.
struct RecordError: Error {
    let reason: String
    let remedy: String

    init(_ reason: String, remedy: String = "Correct the line.") {
        self.reason = reason
        self.remedy = remedy
    }
}

/// The fields of one JSONL record that `prepare` understands. A field that is absent or null is nil.
struct RecordFields {
    var promptIDs: [Int32]?
    var chosenIDs: [Int32]?
    var rejectedIDs: [Int32]?
    var inputIDs: [Int32]?
    var lossMask: [Bool]?
    /// Fields that hold text for a tokenizer.
    var textFields: [String] = []

    /// - Throws: `RecordError` for malformed JSON, anything but an object, and ids that are none.
    init(parsing line: ArraySlice<UInt8>) throws(RecordError) {
        var scanner = JSONScanner(line)
        try scanner.checkEncoding()
        try scanner.open("{")
        var seen: Set<String> = []
        while let key = try scanner.nextKey(isFirst: seen.isEmpty) {
            guard seen.insert(key).inserted else { throw RecordError("the field '\(key)' appears twice") }
            switch key {
            case "prompt_ids": promptIDs = try scanner.tokenIDs(field: key)
            case "chosen_ids": chosenIDs = try scanner.tokenIDs(field: key)
            case "rejected_ids": rejectedIDs = try scanner.tokenIDs(field: key)
            case "input_ids": inputIDs = try scanner.tokenIDs(field: key)
            case "loss_mask": lossMask = try scanner.marks(field: key)
            default:
                if RecordFields.textNames.contains(key) { textFields.append(key) }
                try scanner.skipValue()
            }
        }
        try scanner.finish()
    }

    private static let textNames: Set<String> = [
        "prompt", "chosen", "rejected", "messages", "text", "prompt_messages", "chosen_messages", "rejected_messages",
    ]

    /// What kind of record these fields make.
    ///
    /// - Throws: `RecordError` where they make none, or two.
    func kind() throws(RecordError) -> DatasetKind {
        let isPreference = promptIDs != nil || chosenIDs != nil || rejectedIDs != nil
        switch (isPreference, inputIDs != nil) {
        case (true, true):
            throw RecordError("has ids of a preference record and input_ids", remedy: "Leave one of the two out.")
        case (true, false): return .preference
        case (false, true): return .text
        case (false, false):
            let remedy = "Give prompt_ids, chosen_ids and rejected_ids, or input_ids."
            guard textFields.isEmpty else {
                let names = textFields.joined(separator: ", ")
                throw RecordError(
                    "has text (\(names)) and no token ids, and tokenising text is not available yet", remedy: remedy)
            }
            throw RecordError("has no token ids", remedy: remedy)
        }
    }

    /// - Throws: `RecordError` naming the missing or empty field.
    func preference() throws(RecordError) -> PreferenceRecord {
        guard lossMask == nil else {
            throw RecordError("loss_mask goes with input_ids, not with a preference record", remedy: "Leave it out.")
        }
        return PreferenceRecord(
            prompt: try filled(promptIDs, "prompt_ids"), chosen: try filled(chosenIDs, "chosen_ids"),
            rejected: try filled(rejectedIDs, "rejected_ids"))
    }

    /// - Throws: `RecordError` for an empty text, or a mask of another length.
    func text() throws(RecordError) -> TextRecord {
        let tokens = try filled(inputIDs, "input_ids")
        if let lossMask, lossMask.count != tokens.count {
            throw RecordError("loss_mask has \(lossMask.count) entries for \(tokens.count) input_ids")
        }
        return TextRecord(tokens: tokens, lossMask: lossMask)
    }

    private func filled(_ ids: [Int32]?, _ name: String) throws(RecordError) -> [Int32] {
        guard let ids else { throw RecordError("\(name) is missing", remedy: "Add it, or leave the record out.") }
        guard !ids.isEmpty else { throw RecordError("\(name) is empty", remedy: "Leave the record out.") }
        return ids
    }
}
