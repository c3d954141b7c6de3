import Tokenization

/// The messages of a preference pair, told apart into prompt and completions.
struct PreferenceChats {
    let prompt: [ChatMessage]
    let chosen: [ChatMessage]
    let rejected: [ChatMessage]

    /// - Parameters:
    ///   - prompt: the prompt's messages. Without them, or with a text that repeats them, the prompt is what `chosen` and
    ///     `rejected` begin with alike.
    ///   - fields: for errors.
    /// - Throws: `RecordError` where no prompt is left, or a completion is not the assistant's.
    init(
        prompt: TextOrMessages?, chosen: [ChatMessage], rejected: [ChatMessage], fields: RecordFields
    ) throws(RecordError) {
        let shared: Int
        switch prompt {
        case .messages(let messages)?:
            self.prompt = messages
            // Some sets have the prompt in its own field and in the chats too.
            let isRepeated = [chosen, rejected].allSatisfy { chat in
                chat.count > messages.count && PreferenceChats.commonPrefix(chat, messages) == messages.count
            }
            shared = isRepeated ? messages.count : 0
        case .text?, nil:
            // A message at least stays for each completion.
            shared = min(PreferenceChats.commonPrefix(chosen, rejected), chosen.count - 1, rejected.count - 1)
            guard shared > 0 else {
                throw RecordError(
                    "\(fields.source(of: .chosen)) and \(fields.source(of: .rejected)) do not begin with the same messages",
                    remedy: """
                        Give the prompt's messages in a field of their own (--field prompt=FIELD), or at the beginning of \
                        both chats.
                        """)
            }
            self.prompt = Array(chosen[..<shared])
        }
        self.chosen = Array(chosen[shared...])
        self.rejected = Array(rejected[shared...])
        for (completion, name) in [(self.chosen, FieldName.chosen), (self.rejected, .rejected)] {
            guard completion.first!.role == .assistant, completion.last!.role == .assistant else {
                throw RecordError(
                    "the completion of \(fields.source(of: name)) does not begin and end with a message of the assistant",
                    remedy: "Put what comes before the assistant's message into the prompt, or leave the record out.")
            }
        }
    }

    /// Compared byte for byte: strings that only look alike are other tokens.
    private static func commonPrefix(_ first: [ChatMessage], _ second: [ChatMessage]) -> Int {
        zip(first, second).prefix { one, other in
            one.role == other.role && one.content.utf8.elementsEqual(other.content.utf8)
        }.count
    }
}
