import Settings
import Tokenization

/// Preference pairs of text.
extension RecordEncoder {
    /// A pair's token ids.
    ///
    /// - Throws: `RecordError` for fields that are missing, that make no pair, or whose meaning would be lost.
    func pair(_ fields: RecordFields) throws(RecordError) -> EncodedRecord {
        let (chosenName, rejectedName) = (fields.source(of: .chosen), fields.source(of: .rejected))
        let promptName = fields.source(of: .prompt)
        guard let chosen = try fields.textOrMessages(.chosen) else {
            throw RecordError("\(chosenName) is missing", remedy: "Add it, or leave the record out.")
        }
        guard let rejected = try fields.textOrMessages(.rejected) else {
            throw RecordError("\(rejectedName) is missing", remedy: "Add it, or leave the record out.")
        }
        let prompt = try fields.textOrMessages(.prompt)
        switch (chosen, rejected) {
        case (.text(let chosen), .text(let rejected)):
            switch prompt {
            case .text(let prompt)?:
                try fields.checkContext(of: prompt)
                return try pair(prompt: prompt, chosen: chosen, rejected: rejected)
            case .messages?:
                throw RecordError(
                    "\(promptName) is a list of messages, and the completions \(chosenName) and \(rejectedName) are texts",
                    remedy: "Give the completions as lists of messages of the assistant, or all three as texts.")
            case nil: throw RecordError("\(promptName) is missing", remedy: "Add it, or leave the record out.")
            }
        case (.messages(let chosen), .messages(let rejected)):
            let chats = try PreferenceChats(prompt: prompt, chosen: chosen, rejected: rejected, fields: fields)
            try fields.checkTemplateFields()
            try fields.checkSystem(beside: chats.prompt)
            return try pair(chats)
        case (.text, .messages): throw RecordError("\(chosenName) is a text, \(rejectedName) a list of messages")
        case (.messages, .text): throw RecordError("\(chosenName) is a list of messages, \(rejectedName) a text")
        }
    }

    private func pair(prompt: String, chosen: String, rejected: String) throws(RecordError) -> EncodedRecord {
        var encoded = try pair(
            prompt: try ids(of: prompt),
            wholes: (try ids(of: prompt + chosen), try ids(of: prompt + rejected)),
            end: try end())
        encoded.losesCharacters = [prompt, chosen, rejected].contains(where: losesCharacters)
        return encoded
    }

    func pair(_ chats: PreferenceChats) throws(RecordError) -> EncodedRecord {
        let template = try knownTemplate()
        func ids(_ messages: [RecordMessage], isPrompt: Bool) throws(RecordError) -> [Int32] {
            let chat = try rendered(messages, by: template, addGenerationPrompt: isPrompt)
            return try self.ids(of: chat.text, addSpecialTokens: template.leavesTextBare)
        }
        var encoded = try pair(
            prompt: try ids(chats.prompt, isPrompt: true),
            wholes: (
                try ids(chats.prompt + chats.chosen, isPrompt: false),
                try ids(chats.prompt + chats.rejected, isPrompt: false)
            ),
            end: template.endOfTurn == nil ? try end() : nil)
        encoded.chat = .pair(chats)
        encoded.losesCharacters = (chats.prompt + chats.chosen + chats.rejected).contains { losesCharacters($0.message.content) }
        return encoded
    }

    /// The boundary rule: both completions start at the end of the prompt's own tokens, or earlier, at the first token in which
    /// one of `wholes` differs from them. So tokens that span the boundary belong to the completion.
    ///
    /// - Parameters:
    ///   - wholes: the prompt with the chosen and with the rejected completion.
    ///   - end: appended to each completion that does not end with it; nil appends nothing.
    private func pair(
        prompt: [Int32], wholes: ([Int32], [Int32]), end: Int32?
    ) throws(RecordError) -> EncodedRecord {
        let boundary = min(prompt.commonPrefix(with: wholes.0), prompt.commonPrefix(with: wholes.1))
        guard boundary > 0 else { throw emptyPrompt(prompt, wholes) }
        func completion(_ whole: [Int32]) -> [Int32] {
            var ids = Array(whole[boundary...])
            if let end, ids.last != end { ids.append(end) }
            return ids
        }
        let record = DatasetRecord(
            prompt: Array(prompt[..<boundary]), chosen: completion(wholes.0), rejected: completion(wholes.1))
        return EncodedRecord(record: record, movedBoundary: boundary < prompt.count)
    }

    private func emptyPrompt(_ prompt: [Int32], _ wholes: ([Int32], [Int32])) -> RecordError {
        let leaves = "leaves no token of the prompt before the completions"
        guard let own = prompt.first else {
            return RecordError(
                "\(leaves): the prompt has none",
                remedy: """
                    A completion's first token is predicted from the prompt's last: give a prompt, or leave the record out, or \
                    choose --empty-prompt drop.
                    """,
                isEmptyPrompt: true)
        }
        func quoted(_ id: Int32) -> String {
            "\"\(tokenizer.decode([id], skipSpecialTokens: false).printable)\""
        }
        let merged = [("chosen", wholes.0), ("rejected", wholes.1)].compactMap { name, whole in
            whole.first.flatMap { $0 == own ? nil : "\(quoted($0)) with \(name)" }
        }
        return RecordError(
            "\(leaves): its first token \(quoted(own)) merges into \(merged.joined(separator: " and "))",
            remedy: """
                Let the prompt begin with more than a completion's first characters, or leave the record out, or choose \
                --empty-prompt drop.
                """,
            isEmptyPrompt: true)
    }
}

extension Array where Element == Int32 {
    fileprivate func commonPrefix(with other: [Int32]) -> Int {
        zip(self, other).prefix { $0 == $1 }.count
    }
}
