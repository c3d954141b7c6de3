import Settings
import Tokenization

/// Turns the texts of records into token ids, by a model's tokenizer and chat template.
struct RecordEncoder: Sendable {
    let tokenizer: Tokenizer
    /// Told where a record needs it: texts do not need a template, nor templates that end turns an end of sequence.
    private let template: Result<ChatTemplate, Failure>
    private let endOfSequence: Result<Int32, Failure>
    /// What the tokenizer puts before every text: a beginning of sequence, for instance.
    private let beginning: [Int32]

    /// - Throws: `Failure` for a folder without a tokenizer, or with one that is not supported.
    init(folder: String) throws(Failure) {
        let tokenizer = try Tokenizer(folder: folder)
        self.tokenizer = tokenizer
        template = Result { () throws(Failure) in
            let template = try ChatTemplate(folder: folder)
            try template.check(against: tokenizer, place: folder)
            return template
        }
        endOfSequence = Result { () throws(Failure) in
            try EndTokens(folder: folder, tokenizer: tokenizer).endOfSequence
        }
        let bare = try tokenizer.encode("a", addSpecialTokens: false)
        let whole = try tokenizer.encode("a", addSpecialTokens: true)
        let starts = 0...max(whole.count - bare.count, 0)
        beginning = Array(whole.prefix(starts.first { whole.dropFirst($0).starts(with: bare) } ?? 0))
    }

    // MARK: Pairs

    /// A pair's token ids, and whether the completions start before the end of the prompt's own tokens.
    struct EncodedPair {
        var record: PreferenceRecord
        var movedBoundary: Bool
    }

    /// - Throws: `RecordError` for fields that are missing or make no pair.
    func pair(_ fields: RecordFields) throws(RecordError) -> EncodedPair {
        let (chosenName, rejectedName) = (fields.source(of: .chosen), fields.source(of: .rejected))
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
            case .text(let prompt)?: return try pair(prompt: prompt, chosen: chosen, rejected: rejected)
            case .messages?:
                throw RecordError("\(fields.source(of: .prompt)) is a list of messages, \(chosenName) a text")
            case nil: throw RecordError("\(fields.source(of: .prompt)) is missing", remedy: "Add it, or leave the record out.")
            }
        case (.messages(let chosen), .messages(let rejected)):
            let chats = try PreferenceChats(prompt: prompt, chosen: chosen, rejected: rejected, fields: fields)
            return try pair(chats)
        case (.text, .messages): throw RecordError("\(chosenName) is a text, \(rejectedName) a list of messages")
        case (.messages, .text): throw RecordError("\(chosenName) is a list of messages, \(rejectedName) a text")
        }
    }

    private func pair(prompt: String, chosen: String, rejected: String) throws(RecordError) -> EncodedPair {
        try pair(
            prompt: try ids(of: prompt),
            wholes: (try ids(of: prompt + chosen), try ids(of: prompt + rejected)),
            end: try end())
    }

    private func pair(_ chats: PreferenceChats) throws(RecordError) -> EncodedPair {
        let template = try knownTemplate()
        func ids(_ messages: [ChatMessage], isPrompt: Bool) throws(RecordError) -> [Int32] {
            let chat = try rendered(messages, by: template, addGenerationPrompt: isPrompt)
            return try self.ids(of: chat.text, addSpecialTokens: template.leavesTextBare)
        }
        return try pair(
            prompt: try ids(chats.prompt, isPrompt: true),
            wholes: (
                try ids(chats.prompt + chats.chosen, isPrompt: false),
                try ids(chats.prompt + chats.rejected, isPrompt: false)
            ),
            end: template.endOfTurn == nil ? try end() : nil)
    }

    /// The boundary rule: both completions start where the prompt's own tokens end, or earlier, where one of the wholes
    /// departs from them: tokens that span the boundary belong to the completion.
    ///
    /// - Parameter end: what the completions end with, unless they do already.
    private func pair(prompt: [Int32], wholes: ([Int32], [Int32]), end: Int32?) throws(RecordError) -> EncodedPair {
        let boundary = min(prompt.commonPrefix(with: wholes.0), prompt.commonPrefix(with: wholes.1))
        guard boundary > 0 else {
            throw RecordError(
                "leaves no token of the prompt before the completions",
                remedy: "A completion's first token is predicted from the prompt's last: give a prompt, or leave the record out.")
        }
        func completion(_ whole: [Int32]) -> [Int32] {
            var ids = Array(whole[boundary...])
            if let end, ids.last != end { ids.append(end) }
            return ids
        }
        return EncodedPair(
            record: PreferenceRecord(
                prompt: Array(prompt[..<boundary]), chosen: completion(wholes.0), rejected: completion(wholes.1)),
            movedBoundary: boundary < prompt.count)
    }

    // MARK: Chats

    /// The whole chat; its loss counts the tokens that hold anything of an assistant's turn.
    func chat(_ fields: RecordFields) throws(RecordError) -> TextRecord {
        guard let messages = try fields.messages(.messages) else {
            throw RecordError("\(fields.source(of: .messages)) is missing", remedy: "Add it, or leave the record out.")
        }
        guard try fields.spans(.lossMaskingSpans) == nil else {
            throw RecordError(
                "\(fields.source(of: .lossMaskingSpans)) goes with a text; a chat's loss counts the assistant's turns",
                remedy: "Leave it out, or give the text.")
        }
        let template = try knownTemplate()
        let chat = try rendered(messages, by: template, addGenerationPrompt: false)
        let tokens = try reading { () throws(Failure) in
            try tokenizer.encodeWithStarts(chat.text, addSpecialTokens: template.leavesTextBare)
        }
        var record = TextRecord(tokens: tokens.ids, lossMask: chat.assistantMask(over: tokens))
        // Where the template ends turns, the end is part of the turn and counts already.
        if template.endOfTurn == nil, messages.last?.role == .assistant {
            try record.appendEnd(try end())
        }
        return record
    }

    // MARK: Texts

    /// The text and the end of sequence. Ranges that are not to be learnt are tokenised on their own, so that no token lies
    /// on both sides of their ends.
    func text(_ fields: RecordFields) throws(RecordError) -> TextRecord {
        guard let text = try fields.text(.text) else {
            throw RecordError("\(fields.source(of: .text)) is missing", remedy: "Add it, or leave the record out.")
        }
        let spans = try fields.spans(.lossMaskingSpans) ?? []
        var record: TextRecord
        if spans.isEmpty {
            record = TextRecord(tokens: try ids(of: text))
        } else {
            record = TextRecord(tokens: beginning, lossMask: beginning.map { _ in true })
            for (piece, counts) in try text.cut(at: spans, field: fields.source(of: .lossMaskingSpans)) {
                let ids = try self.ids(of: piece, addSpecialTokens: false)
                record.tokens += ids
                record.lossMask! += ids.map { _ in counts }
            }
        }
        try record.appendEnd(try end())
        return record
    }

    // MARK: What every record needs

    private func ids(of text: String, addSpecialTokens: Bool = true) throws(RecordError) -> [Int32] {
        try reading { () throws(Failure) in try tokenizer.encode(text, addSpecialTokens: addSpecialTokens) }
    }

    /// What is wrong with a text is the line's fault.
    private func reading<Value>(_ read: () throws(Failure) -> Value) throws(RecordError) -> Value {
        do throws(Failure) { return try read() } catch {
            throw RecordError("has text that \(error.reason)", remedy: error.remedy)
        }
    }

    private func knownTemplate() throws(RecordError) -> ChatTemplate {
        do throws(Failure) { return try template.get() } catch { throw RecordError(error) }
    }

    private func end() throws(RecordError) -> Int32 {
        do throws(Failure) { return try endOfSequence.get() } catch { throw RecordError(error) }
    }

    private func rendered(
        _ messages: [ChatMessage], by template: ChatTemplate, addGenerationPrompt: Bool
    ) throws(RecordError) -> RenderedChat {
        do throws(Failure) {
            return try template.render(messages, addGenerationPrompt: addGenerationPrompt)
        } catch {
            throw RecordError(error.reason, remedy: error.remedy)
        }
    }
}

extension ChatTemplate {
    /// The text has no beginning of sequence of its own: the tokenizer adds it, as to any other text.
    fileprivate var leavesTextBare: Bool { self == .plainText }
}

extension TextRecord {
    /// Ends the text with `end`, unless it does already; the end is learnt.
    fileprivate mutating func appendEnd(_ end: Int32) throws(RecordError) {
        if tokens.last == end {
            if lossMask != nil { lossMask![tokens.count - 1] = true }
        } else {
            tokens.append(end)
            lossMask?.append(true)
        }
    }
}

extension Array where Element == Int32 {
    fileprivate func commonPrefix(with other: [Int32]) -> Int {
        zip(self, other).prefix { $0 == $1 }.count
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

extension String {
    /// The pieces between the ends of `spans`, which count characters (Unicode scalars), and whether each is to be learnt.
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
        // How far the ranges that have begun reach: no piece looks at all of them.
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
