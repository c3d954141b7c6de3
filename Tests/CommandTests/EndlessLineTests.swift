import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite("Lines of 100 MB") struct EndlessLineTests {
        /// A good first line, and one that begins like a record and never seems to end.
        struct EndlessLine: Sendable, CustomTestStringConvertible {
            let testDescription: String
            var good = "{\"text\": \"T\"}\n"
            let beginning: String
            let filling: String
            var end = ""

            /// In pieces: a hundred megabytes at once are slow to come by.
            func write(to path: String) throws {
                let piece = Data(String(repeating: filling, count: 1_000_000 / filling.utf8.count + 1).utf8)
                try Data((good + beginning).utf8).write(to: URL(fileURLWithPath: path))
                let file = try #require(FileHandle(forWritingAtPath: path))
                try file.seekToEnd()
                for _ in 0..<100 { try file.write(contentsOf: piece) }
                try file.write(contentsOf: Data(end.utf8))
                try file.close()
            }
        }

        static let lines = [
            EndlessLine(testDescription: "a text", beginning: "{\"text\": \"", filling: "the fox ", end: "\"}\n"),
            EndlessLine(
                testDescription: "token ids", good: "{\"input_ids\": [1, 2]}\n", beginning: "{\"input_ids\": [", filling: "1, ",
                end: "1]}\n"),
            EndlessLine(testDescription: "brackets that never close", beginning: "{\"text\": ", filling: "["),
            EndlessLine(testDescription: "zeros, as a crash leaves them", beginning: "", filling: "\0"),
            EndlessLine(testDescription: "a file of one line", good: "", beginning: "{\"text\": \"", filling: "x", end: "\"}"),
        ]

        @Test("one is refused within seconds by its number, in a quarter of a gigabyte", arguments: EndlessLineTests.lines)
        func refused(_ endless: EndlessLine) throws {
            let workspace = try Workspace()
            let before = try FileManager.default.contentsOfDirectory(atPath: workspace.folder.path)
            try endless.write(to: workspace.file("endless.jsonl"))
            let result = try workspace.tandem(
                ["prepare", "--input", "endless.jsonl", "--output", "new.h5", "--tokenizer", quickstartTokenizer])
            #expect(result.exitCode == Exit.damagedData, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.errorOutput == result.causeLines.joined() + "\n")
            let place = "endless.jsonl:\(endless.good.isEmpty ? 1 : 2): a line of more than 16 MiB"
            #expect(result.causeLines.first?.contains(place) == true, "\(result.errorOutput)")
            #expect(result.seconds < 10)
            #expect(result.peakMemory > 10 << 20 && result.peakMemory < 256 << 20, "\(result.peakMemory >> 20) MiB")
            let after = try FileManager.default.contentsOfDirectory(atPath: workspace.folder.path)
            #expect(after.sorted() == (before + ["endless.jsonl"]).sorted())
        }
    }
}
