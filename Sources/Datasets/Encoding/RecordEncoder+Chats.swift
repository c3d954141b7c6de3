import Settings
import Tokenization

/// Chats to be learnt.
extension RecordEncoder {
    /// The whole chat. Its loss counts every token with at least one byte of a learnt turn of the assistant.
    func chat(_ fields: RecordFields) throws(RecordError) -> EncodedRecord {
        guard let messages = try fields.messages(.messages) else {
            throw RecordError("\(fields.source(of: .messages)) is missing", remedy: "Add it, or leave the record out.")
        }
        guard try fields.spans(.lossMaskingSpans) == nil else {
            throw RecordError(
                "\(fields.source(of: .lossMaskingSpans)) goes with a text; a chat's loss counts the assistant's turns",
                remedy: "Leave it out, or give the text.")
        }
        try messages.checkLearning()
        try fields.checkChatFields()
        try fields.checkTemplateFields()
        try fields.checkSystem(beside: messages)
        return try chat(messages)
    }

    func chat(_ messages: [RecordMessage]) throws(RecordError) -> EncodedRecord {
        let template = try knownTemplate()
        var chat = try rendered(messages, by: template, addGenerationPrompt: false)
        let tokens = try reading { () throws(Failure) in
            try tokenizer.encodeWithStarts(chat.text, addSpecialTokens: template.leavesTextBare)
        }
        // `assistantTurns` has one range for each message of the assistant, in order.
        let answers = messages.filter { $0.message.role == .assistant }
        chat.assistantTurns = zip(chat.assistantTurns, answers).filter(\.1.isLearnt).map(\.0)
        var record = DatasetRecord(tokens: tokens.ids, lossMask: chat.assistantMask(over: tokens))
        // A template that ends turns writes the end as part of the turn, which counts already.
        if template.endOfTurn == nil, let last = messages.last, last.message.role == .assistant {
            record.appendEnd(try end(), isLearnt: last.isLearnt)
        }
        return EncodedRecord(
            record: record, chat: .turns(messages),
            losesCharacters: messages.contains { losesCharacters($0.message.content) })
    }
}

extension RenderedChat {
    /// For each token, whether any of its bytes lies in an assistant's turn.
    fileprivate func assistantMask(over tokens: TokenizedText) -> [Bool] {
        let turns = assistantTurns.filter { !$0.isEmpty }
        var turn = 0
        return tokens.starts.indices.map { index in
            let start = tokens.starts[index]
            let next = index + 1 < tokens.starts.count ? tokens.starts[index + 1] : text.utf8.count
            while turn < turns.count, turns[turn].upperBound <= start { turn += 1 }
            return turn < turns.count && turns[turn].lowerBound < max(next, start + 1)
        }
    }
}
