import Reporting
import Testing

@Suite("Tables of text") struct TextTableTests {
    @Test("the first column stands to the left, others to the right, two spaces apart, as wide as their widest cell")
    func columns() {
        var table = TextTable(["rank", "seconds", "n"])
        table.add(["0", "1.5", "100"])
        table.add(["1 (slow)", "12.25", "7"])
        #expect(
            table.text == """
                rank      seconds    n
                0             1.5  100
                1 (slow)    12.25    7
                """)
    }

    @Test("a heading alone is a table of one line")
    func headingAlone() {
        #expect(TextTable(["a", "bc"]).text == "a  bc")
    }

    @Test("a cell's width is counted in characters, not in bytes")
    func characters() {
        var table = TextTable(["é", "x"])
        table.add(["ab", "家"])
        #expect(table.text == "é   x\nab  家")
    }

    @Test(
        "a text is filled up with spaces, and a longer one stays whole",
        arguments: [("ab", "ab  "), ("abcd", "abcd"), ("abcde", "abcde"), ("", "    ")])
    func filled(text: String, expected: String) {
        #expect(text.filled(to: 4) == expected)
    }
}
