import Settings
import Testing

@Suite struct CommandWordsTests {
    @Test(
        "a negative number behind an option is its value; other words stay as they are",
        arguments: [
            (["score", "--tensor", "-1"], ["score", "--tensor=-1"]), (["--top-p", "-0.5", "--raw"], ["--top-p=-0.5", "--raw"]),
            (["--temperature", "-inf"], ["--temperature=-inf"]), (["--seed", "-1e3"], ["--seed=-1e3"]),
            (["--tensor=2", "-1"], ["--tensor=2", "-1"]), (["--raw", "-h"], ["--raw", "-h"]), (["--", "-1"], ["--", "-1"]),
            (["train", "-1"], ["train", "-1"]), (["--set", "a=-1"], ["--set", "a=-1"]), ([], []),
        ])
    func joined(words: [String], expected: [String]) {
        #expect(CommandWords(words).words == expected)
    }
}
