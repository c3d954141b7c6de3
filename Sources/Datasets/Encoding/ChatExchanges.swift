import Tokenization

/// A chat in the pieces that are left out where it is too long: whole exchanges, the oldest first, and the system's turn last.
///
/// An exchange is what the user says, in one message or several, and what the assistant answers. A message of the system within
/// the chat belongs to the exchange that it begins.
struct ChatExchanges {
    /// What the system says before anybody else.
    private let system: [RecordMessage]
    private let exchanges: [[RecordMessage]]
    /// How many of the oldest exchanges may go.
    private let removable: Int

    /// The prompt of a pair: its last exchange stays.
    init(prompt: [RecordMessage]) { self.init(prompt) { $0.count - 1 } }

    /// A chat to be learnt: one exchange in which the assistant's words are learnt stays, the last.
    init(chat: [RecordMessage]) {
        self.init(chat) { exchanges in exchanges.lastIndex { $0.contains(where: \.isLearnt) } ?? 0 }
    }

    private init(_ messages: [RecordMessage], removable: ([[RecordMessage]]) -> Int) {
        let rest = messages.drop { $0.message.role == .system }
        system = Array(messages[..<rest.startIndex])
        var exchanges: [[RecordMessage]] = []
        for message in rest {
            let isAnswered = exchanges.last?.last?.message.role == .assistant
            if exchanges.isEmpty || isAnswered && message.message.role != .assistant {
                exchanges.append([message])
            } else {
                exchanges[exchanges.count - 1].append(message)
            }
        }
        self.exchanges = exchanges
        self.removable = max(removable(exchanges), 0)
    }

    /// The chat without as few of its pieces as make it fit.
    ///
    /// - Parameter encode: a chat in tokens; nil where it is still too long. A chat with fewer exchanges is taken to be shorter,
    ///   so that chats of thousands of exchanges are encoded a few times only.
    /// - Returns: nil where not even the shortest chat fits.
    func shortened<Encoded>(
        _ encode: ([RecordMessage]) throws(RecordError) -> Encoded?
    ) throws(RecordError) -> (encoded: Encoded, lost: Set<Shortening>)? {
        guard removable > 0, var shortest = try encode(messages(without: removable)) else {
            guard !system.isEmpty, !exchanges.isEmpty,
                let encoded = try encode(Array(exchanges[removable...].joined()))
            else { return nil }
            return (encoded, removable > 0 ? [.exchanges, .systemTurn] : [.systemTurn])
        }
        var (tooFew, enough) = (0, removable)
        while enough - tooFew > 1 {
            let middle = (tooFew + enough) / 2
            if let encoded = try encode(messages(without: middle)) {
                (shortest, enough) = (encoded, middle)
            } else {
                tooFew = middle
            }
        }
        return (shortest, [.exchanges])
    }

    private func messages(without count: Int) -> [RecordMessage] { system + exchanges[count...].joined() }
}
