import Settings

/// How a model writes a chat as text.
///
/// Templates are Jinja programs. Tandem does not run them: it recognises the common ones by their text and renders them
/// itself, character for character as Jinja does. Reading any other template fails.
public enum ChatTemplate: Equatable, Sendable {
    /// `<|im_start|>role`, content, `<|im_end|>`. A chat without a system message gets the default one, unless that is nil.
    case chatML(defaultSystem: String?)
    /// Llama 3: the beginning of sequence, then a header, the trimmed content and `<|eot_id|>` for each message.
    case llama3(beginning: String)
    /// Llama 3.1: as Llama 3, but every chat begins with a system message with dates.
    case llama3_1(beginning: String)
    /// No template: the contents one after another, unchanged.
    case plainText

    /// The token that ends every turn; nil if the template writes none. The text then needs an end of sequence.
    public var endOfTurn: String? {
        switch self {
        case .chatML: "<|im_end|>"
        case .llama3, .llama3_1: "<|eot_id|>"
        case .plainText: nil
        }
    }

    /// The template's name, for tables and errors.
    public var name: String {
        switch self {
        case .chatML(defaultSystem: nil): "ChatML"
        case .chatML(let system?): "ChatML with the system prompt \"\(system.printable)\""
        case .llama3: "Llama 3"
        case .llama3_1: "Llama 3.1"
        case .plainText: "plain text"
        }
    }

    /// Writes `messages` as text. The text has all special tokens of the template, so it must be encoded without adding more.
    ///
    /// - Parameter addGenerationPrompt: whether the text ends with the beginning of an assistant's turn, for the model to
    ///   continue.
    /// - Throws: `Failure` (damaged data) for a chat without messages.
    public func render(_ messages: [ChatMessage], addGenerationPrompt: Bool) throws(Failure) -> RenderedChat {
        guard let first = messages.first else {
            throw .damaged("messages", "the chat has none", remedy: "Give at least one message.")
        }
        var writer = ChatWriter()
        var rest = messages[...]
        switch self {
        case .chatML(let system):
            if first.role != .system, let system { writer.writeChatML(ChatMessage(role: .system, content: system)) }
        case .llama3(let beginning): writer.text += beginning
        case .llama3_1(let beginning):
            var system = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
            if first.role == .system {
                system += first.content.trimmedByJinja
                rest = rest.dropFirst()
            }
            writer.text += beginning
            writer.writeLlama(role: .system, content: system)
        case .plainText: break
        }
        for message in rest {
            switch self {
            case .chatML: writer.writeChatML(message)
            case .llama3, .llama3_1: writer.writeLlama(role: message.role, content: message.content.trimmedByJinja)
            case .plainText: writer.writeTurn(message.role, message.content)
            }
        }
        if addGenerationPrompt { writer.text += generationPrompt }
        return RenderedChat(text: writer.text, assistantTurns: writer.assistantTurns)
    }

    private var generationPrompt: String {
        switch self {
        case .chatML: "<|im_start|>assistant\n"
        case .llama3, .llama3_1: "<|start_header_id|>assistant<|end_header_id|>\n\n"
        case .plainText: ""
        }
    }

    /// Refuses a tokenizer that would cut the template's marks into pieces.
    ///
    /// - Throws: `Failure` (configuration) at `place`, naming the first mark that is not a token.
    public func check(against tokenizer: Tokenizer, place: String) throws(Failure) {
        for mark in marks where try tokenizer.encode(mark, addSpecialTokens: false).count != 1 {
            throw .configuration(
                place, "the chat template \(name) needs the token \"\(mark.printable)\", which the tokenizer lacks",
                remedy: "Use the tokenizer and the template of the same model.")
        }
    }

    private var marks: [String] {
        switch self {
        case .chatML: ["<|im_start|>", "<|im_end|>"]
        case .llama3(let beginning), .llama3_1(let beginning):
            (beginning.isEmpty ? [] : [beginning]) + ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
        case .plainText: []
        }
    }
}

/// A chat's text while it is written.
private struct ChatWriter {
    var text = ""
    var assistantTurns: [Range<Int>] = []

    /// Writes a turn: the message's content, and the mark that ends the turn.
    mutating func writeTurn(_ role: ChatRole, _ turn: String) {
        let start = text.utf8.count
        text += turn
        if role == .assistant { assistantTurns.append(start..<text.utf8.count) }
    }

    mutating func writeChatML(_ message: ChatMessage) {
        text += "<|im_start|>\(message.role.rawValue)\n"
        writeTurn(message.role, message.content + "<|im_end|>")
        text += "\n"
    }

    mutating func writeLlama(role: ChatRole, content: String) {
        text += "<|start_header_id|>\(role.rawValue)<|end_header_id|>\n\n"
        writeTurn(role, content + "<|eot_id|>")
    }
}

extension String {
    /// Jinja's `trim`, which is Python's `strip`: white space and the four information separators.
    fileprivate var trimmedByJinja: String {
        let isSpace = { (scalar: Unicode.Scalar) in
            scalar.properties.isWhitespace || (0x1c...0x1f).contains(scalar.value)
        }
        guard let first = unicodeScalars.firstIndex(where: { !isSpace($0) }),
            let last = unicodeScalars.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(String.UnicodeScalarView(unicodeScalars[first...last]))
    }
}
