import Settings
import Tokenization

/// Records that are too long. Messages are left out whole and what is left is rendered and tokenised anew, so that no turn is cut
/// in its middle and every boundary is the one that the shorter chat has.
extension RecordEncoder {
    /// The record within `maximum` tokens, and what it has lost; nil where that can't be.
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

    /// What `encode` makes, where it is short enough and something can be learnt from it.
    private func fitting(
        _ maximum: Int, _ encode: () throws(RecordError) -> EncodedRecord
    ) throws(RecordError) -> EncodedRecord? {
        do throws(RecordError) {
            let encoded = try encode()
            return encoded.record.lengths.longest <= maximum && encoded.record.nothingToLearn == nil ? encoded : nil
        } catch {
            // The whole record had a prompt.
            guard error.isEmptyPrompt else { throw error }
            return nil
        }
    }

    /// How many tokens at the record's beginning only mark that it begins.
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
