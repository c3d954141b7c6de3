import Settings
import Tokenization

/// The messages of a preference pair, told apart into prompt and completions.
struct PreferenceChats {
    var prompt: [RecordMessage]
    let chosen: [RecordMessage]
    let rejected: [RecordMessage]

    /// - Parameters:
    ///   - prompt: the prompt's messages. Without them, or with a text that repeats them, the prompt is what `chosen` and
    ///     `rejected` begin with alike.
    ///   - fields: for errors.
    /// - Throws: `RecordError` where no prompt is left, a completion is not the assistant's, or messages say something else
    ///   about what is learnt.
    init(
        prompt: TextOrMessages?, chosen: [RecordMessage], rejected: [RecordMessage], fields: RecordFields
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
            self.prompt = Array(chosen[..<shared])
            try PreferenceChats.check(self.prompt, besideText: prompt != nil, fields: fields)
        }
        self.chosen = Array(chosen[shared...])
        self.rejected = Array(rejected[shared...])
        for (completion, name) in [(self.chosen, FieldName.chosen), (self.rejected, .rejected)] {
            guard completion.first!.message.role == .assistant, completion.last!.message.role == .assistant else {
                throw RecordError(
                    "the completion of \(fields.source(of: name)) does not begin and end with a message of the assistant",
                    remedy: "Put what comes before the assistant's message into the prompt, or leave the record out.")
            }
        }
        try checkLearning()
    }

    /// Whether the chats hold their prompt: with a prompt of text beside them, at least what the user says.
    ///
    /// - Parameter shared: what the two chats begin with alike.
    private static func check(
        _ shared: [RecordMessage], besideText: Bool, fields: RecordFields
    ) throws(RecordError) {
        let (prompt, chosen, rejected) = (
            fields.source(of: .prompt), fields.source(of: .chosen), fields.source(of: .rejected)
        )
        if besideText, !shared.contains(where: { $0.message.role == .user }) {
            throw RecordError(
                "\(prompt) is a text, and the completions \(chosen) and \(rejected) are lists of messages",
                remedy: """
                    Give \(prompt) as a list of messages too, or begin \(chosen) and \(rejected) with them, or give all three \
                    as texts.
                    """)
        }
        guard shared.isEmpty else { return }
        throw RecordError(
            "\(chosen) and \(rejected) do not begin with the same messages",
            remedy: """
                Give the prompt's messages in a field of their own (--field prompt=FIELD), or at the beginning of \
                both chats.
                """)
    }

    /// A pair's loss counts its completions, all of them, and nothing of its prompt.
    private func checkLearning() throws(RecordError) {
        for learning in (chosen + rejected).compactMap(\.learning) where !learning.isLearnt {
            throw RecordError(
                "\(learning.key) is \(learning.written), but all that a completion holds is learnt",
                remedy: "Leave it out, or move the message into the prompt, or leave the record out.")
        }
        try prompt.checkLearning()
    }

    /// Compared byte for byte: strings that only look alike are other tokens.
    private static func commonPrefix(_ first: [RecordMessage], _ second: [RecordMessage]) -> Int {
        zip(first, second).prefix { one, other in
            one.message.role == other.message.role && one.message.content.utf8.elementsEqual(other.message.content.utf8)
        }.count
    }
}

extension [RecordMessage] {
    /// - Throws: `RecordError` for a message of the user or the system that is to be learnt.
    func checkLearning() throws(RecordError) {
        for message in self where message.message.role != .assistant {
            guard let learning = message.learning, learning.isLearnt else { continue }
            throw RecordError(
                "\(learning.key) is \(learning.written), but only what the assistant says is learnt",
                remedy: "Leave it out, or leave the record out.")
        }
    }

    var templateMessages: [ChatMessage] { map(\.message) }
}
