/// The words of a command line, prepared for the parser of options.
public struct CommandWords {
    /// The words, with a negative number after an option joined to the option. Otherwise the parser would read the number as
    /// another option and report a missing value.
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
