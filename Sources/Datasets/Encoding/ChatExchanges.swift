import Tokenization

/// A chat divided into pieces. A chat that is too long loses whole exchanges, the oldest first, and the system's turn last.
///
/// An exchange is one or several messages of the user and the assistant's answer. A system message within the chat belongs to
/// the exchange that it begins.
struct ChatExchanges {
    /// The system messages at the chat's beginning.
    private let system: [RecordMessage]
    private let exchanges: [[RecordMessage]]
    /// How many of the oldest exchanges may be left out.
    private let removable: Int

    /// For the prompt of a pair: its last exchange stays.
    init(prompt: [RecordMessage]) { self.init(prompt) { $0.count - 1 } }

    /// For a chat to be learnt: the last exchange with a learnt message stays, and so do all exchanges after it.
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

    /// The chat without the fewest pieces that must go for it to fit.
    ///
    /// - Parameter encode: returns a chat's tokens; nil if the chat is too long. The search assumes that a chat with fewer
    ///   exchanges is shorter. So it encodes even a chat of thousands of exchanges only a few times.
    /// - Returns: the shortened chat and its lost pieces; nil if not even the shortest chat fits.
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
