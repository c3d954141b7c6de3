import Foundation
import Hashing
import Settings

extension ChatTemplate {
    /// The template of a Hugging Face folder: `chat_template.jinja`, or else `chat_template` of `tokenizer_config.json` (the
    /// template named `default` if there are several). Plain text if the folder has neither.
    ///
    /// - Throws: `Failure`: configuration (78) for an unknown template, quoting its beginning; damaged data (65) for a file
    ///   that contradicts its format.
    public init(folder: String) throws(Failure) {
        let configuration = try TokenizerConfiguration(folder: folder)
        let path = configuration.path(of: "chat_template.jinja")
        let source: String
        let place: String
        if FileManager.default.fileExists(atPath: path) {
            guard let text = String(validating: try TokenizerFile.bytes(path: path), as: UTF8.self) else {
                throw .damagedTokenizer(path, "is not UTF-8")
            }
            (source, place) = (text, path)
        } else if let text = try configuration.chatTemplate() {
            (source, place) = (text, "\(configuration.file): chat_template")
        } else {
            self = .plainText
            return
        }
        try self.init(source: source, beginning: try configuration.token("bos_token")?.text ?? "", place: place)
    }

    /// Recognises a template by its text. The kind of line ends and empty lines at the end do not matter.
    ///
    /// - Parameter beginning: the beginning of sequence, which Llama's templates write.
    /// - Throws: `Failure` (configuration) at `place` for an unknown template.
    public init(source: String, beginning: String, place: String) throws(Failure) {
        let text = ChatTemplate.canonical(source)
        if let template = ChatTemplate.chatML(text) {
            self = template
            return
        }
        switch SHA256.digits(of: Array(text.utf8)) {
        case ChatTemplate.llama3Digest: self = .llama3(beginning: beginning)
        case ChatTemplate.llama3_1Digest: self = .llama3_1(beginning: beginning)
        case ChatTemplate.qwen2_5Digest: self = .chatML(defaultSystem: ChatTemplate.qwen2_5System)
        default:
            throw .configuration(
                place, "the chat template that begins \"\(String(text.prefix(60)).printable)\" is not known",
                remedy: """
                    Use one of the known templates (ChatML, Qwen2.5, Llama 3, Llama 3.1), or give texts that are rendered \
                    already.
                    """)
        }
    }

    /// Templates with the same meaning get the same text: a line break within quotes means the same as `\n`.
    private static func canonical(_ source: String) -> String {
        var text = source.replacing("\r\n", with: "\n").replacing("\\n", with: "\n")
        while text.unicodeScalars.last == "\n" { text.unicodeScalars.removeLast() }
        return text
    }

    // MARK: ChatML

    private static let turns = """
        {{'<|im_start|>' + message['role'] + '
        ' + message['content'] + '<|im_end|>' + '
        '}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
        ' }}{% endif %}
        """
    private static let loop = "{% for message in messages %}"
    private static let systemStart = """
        {% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system

        """
    private static let systemEnd = """
        <|im_end|>
        ' }}{% endif %}
        """

    /// Recognises the one-line ChatML templates of SmolLM2, Qwen2 and many others. They differ only in the default system
    /// prompt.
    private static func chatML(_ text: String) -> ChatTemplate? {
        if text == loop + turns { return .chatML(defaultSystem: nil) }
        let (head, tail) = (loop + systemStart, systemEnd + turns)
        guard text.hasPrefix(head), text.hasSuffix(tail), text.utf8.count >= head.utf8.count + tail.utf8.count else {
            return nil
        }
        let system = String(text.dropFirst(head.count).dropLast(tail.count))
        // Jinja would read these characters as more than text between the quotes.
        return system.unicodeScalars.contains { "'\\{}".unicodeScalars.contains($0) }
            ? nil : .chatML(defaultSystem: system)
    }

    // MARK: Longer templates, by the SHA-256 of their canonical text

    private static let qwen2_5System = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    /// Qwen2.5-Instruct. Without tools it renders as ChatML.
    private static let qwen2_5Digest = "a18cc698dd45623eb707279d08e66f7bb8d76afc89ead84016b88487b395b5cc"
    /// Llama-3-Instruct.
    private static let llama3Digest = "ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122"
    /// Llama-3.1-Instruct, with its default date.
    private static let llama3_1Digest = "99799a835a31e1d33c4a9c7ee8a0de3923b291a95155ed6dc8efcbd0fe1d0238"
}
