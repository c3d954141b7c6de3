import Settings
import Tokenization

/// Shortening of records that are too long. Whole messages are left out, and the shorter chat is rendered and tokenised anew.
/// So no turn is cut in its middle, and every boundary is the shorter chat's own.
extension RecordEncoder {
    /// The record within `maximum` tokens, and its lost parts; nil if the record can't be made short enough.
    func shortened(
        _ encoded: EncodedRecord, to maximum: Int
    ) throws(RecordError) -> (encoded: EncodedRecord, lost: Set<Shortening>)? {
        switch encoded.chat {
        case .pair(let chats)?:
            return try ChatExchanges(prompt: chats.prompt).shortened { prompt throws(RecordError) in
                var chats = chats
                chats.prompt = prompt
                return try fitting(maximum) { () throws(RecordError) in try pair(chats) }
            }
        case .turns(let messages)?:
            return try ChatExchanges(chat: messages).shortened { messages throws(RecordError) in
                try fitting(maximum) { () throws(RecordError) in try chat(messages) }
            }
        case nil: return encoded.cut(to: maximum, keeping: try beginningCount(of: encoded.record))
        }
    }

    /// The result of `encode`; nil if it is too long or nothing can be learnt from it.
    private func fitting(
        _ maximum: Int, _ encode: () throws(RecordError) -> EncodedRecord
    ) throws(RecordError) -> EncodedRecord? {
        do throws(RecordError) {
            let encoded = try encode()
            return encoded.record.lengths.longest <= maximum && encoded.record.nothingToLearn == nil ? encoded : nil
        } catch {
            // The prompt became empty by shortening only: the full record had one.
            guard error.isEmptyPrompt else { throw error }
            return nil
        }
    }

    /// The number of tokens that mark the beginning of sequence. Shortening keeps them.
    private func beginningCount(of record: DatasetRecord) throws(RecordError) -> Int {
        let tokens = record.kind == .preference ? record.prompt : record.tokens
        if !beginning.isEmpty, tokens.starts(with: beginning) { return beginning.count }
        do throws(Failure) {
            guard let token = try beginningOfSequence.get() else { return 0 }
            return tokens.first == token ? 1 : 0
        } catch {
            throw RecordError(error)
        }
    }
}
