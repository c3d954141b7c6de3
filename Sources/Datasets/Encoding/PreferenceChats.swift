import Settings
import Tokenization

/// The messages of a preference pair, divided into prompt and completions.
struct PreferenceChats {
    var prompt: [RecordMessage]
    let chosen: [RecordMessage]
    let rejected: [RecordMessage]

    /// - Parameters:
    ///   - prompt: the prompt's messages. If it is nil or a text, the prompt is the common beginning of `chosen` and
    ///     `rejected`.
    ///   - fields: for errors.
    /// - Throws: `RecordError` if no prompt is left, if a completion does not begin and end with the assistant, or if a
    ///   message asks for another loss than the completions'.
    init(
        prompt: TextOrMessages?, chosen: [RecordMessage], rejected: [RecordMessage], fields: RecordFields
    ) throws(RecordError) {
        let shared: Int
        switch prompt {
        case .messages(let messages)?:
            self.prompt = messages
            // Some datasets have the prompt both in its own field and in the chats.
            let isRepeated = [chosen, rejected].allSatisfy { chat in
                chat.count > messages.count && PreferenceChats.commonPrefix(chat, messages) == messages.count
            }
            shared = isRepeated ? messages.count : 0
        case .text?, nil:
            // At least one message stays for each completion.
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
                    remedy: "Move the messages before the assistant's message into the prompt, or leave the record out.")
            }
        }
        try checkLearning()
    }

    /// Checks that the chats contain their prompt. Beside a prompt of text, they must share a message of the user.
    ///
    /// - Parameter shared: the common beginning of the two chats.
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

    /// Refuses marks that contradict a pair's loss: it counts every message of the completions, and none of the prompt.
    private func checkLearning() throws(RecordError) {
        for learning in (chosen + rejected).compactMap(\.learning) where !learning.isLearnt {
            throw RecordError(
                "\(learning.key) is \(learning.written), but every message of a completion is learnt",
                remedy: "Leave it out, or move the message into the prompt, or leave the record out.")
        }
        try prompt.checkLearning()
    }

    /// The number of equal messages at the beginning. Compares bytes: equal characters can have different bytes, and so
    /// different tokens.
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
                "\(learning.key) is \(learning.written), but only messages of the assistant are learnt",
                remedy: "Leave it out, or leave the record out.")
        }
    }

    var templateMessages: [ChatMessage] { map(\.message) }
}
