/// A command line's words, as the parser of options takes them.
public struct CommandWords {
    /// The same words; a negative number behind an option is its value: joined with it, since the parser would take it for
    /// another option and say that the value is missing.
    public let words: [String]

    public init(_ arguments: some Sequence<String>) {
        var words: [String] = []
        for argument in arguments {
            if let last = words.last, last.hasPrefix("--"), last.count > 2, !last.contains("="), CommandWords.isNegative(argument) {
                words[words.count - 1] = "\(last)=\(argument)"
            } else {
                words.append(argument)
            }
        }
        self.words = words
    }

    private static func isNegative(_ word: String) -> Bool {
        word.hasPrefix("-") && !word.hasPrefix("--") && Double(word) != nil
    }
}
