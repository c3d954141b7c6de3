import Foundation
import TestSupport
import Testing

@testable import Benchmarks

/// Scaling on models so small that a step takes milliseconds. No times are judged.
@Suite(.serialized) struct ScalingTests {
    private let folder = TemporaryFolder()

    @Test("all series are measured, and written as table, CSV, JSON and drawing")
    func run() throws {
        let paths = ["csv", "json", "svg"].map { folder.file("scaling.\($0)") }
        let ended = try runProgram(
            "tandem-benchmark",
            ["scaling", "--quick", "--steps", "1", "--rounds", "1", "--csv", paths[0], "--json", paths[1], "--plot", paths[2]], timeLimit: 300)
        try #require(ended.exitCode == 0, "\(ended.errorOutput)")
        let report = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: paths[1]))) as! [String: Any]
        let points = report["points"] as! [[String: Any]]
        // Five kinds of growth, three of references, one and two ranks.
        #expect(points.count == 36)
        for point in points {
            for key in ["step_seconds", "efficiency", "machine_efficiency", "operations", "memory_bytes_per_rank"] {
                #expect((point[key] as? Double ?? 0) > 0, "\(key)")
            }
            if point["ranks"] as? Int == 1 { #expect(point["efficiency"] as? Double == 1) }
        }
        let lines = try String(contentsOfFile: paths[0], encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 37 && lines.allSatisfy { $0.split(separator: ",", omittingEmptySubsequences: false).count == 15 })
        #expect(try XMLDocumentCheck.isWellFormed(paths[2]))
        // The next run of the same words may replace them all: it gets as far as its next mistake.
        let again = try runProgram(
            "tandem-benchmark", ["scaling", "--ranks", "0", "--csv", paths[0], "--json", paths[1], "--plot", paths[2]])
        #expect(again.errorOutput.contains("Give 1 or more"), "\(again.errorOutput)")
        for words in ["weak data", "efficiency is then s(1) / s(n)", "no forecast"] { #expect(ended.output.contains(words), "\(words)") }
    }

    @Test("mistakes are told in one line")
    func mistakes() throws {
        for (arguments, code, words) in [
            (["--ranks", "0"], Int32(64), "Give 1 or more"), (["--machine", folder.file("absent.json")], 66, "can't be read"),
            (["--csv", folder.file("a"), "--plot", folder.path + "/./a"], 64, "is the file of --csv too"),
            (["--plot", try folder.write("mine", to: "mine.svg")], 78, "holds no benchmark's drawing"),
            (["--csv", folder.path], 74, "is a folder"),
        ] {
            let ended = try runProgram("tandem-benchmark", ["scaling", "--quick"] + arguments)
            #expect(ended.exitCode == code)
            #expect(ended.errorOutput.split(separator: "\n").count == 1 && ended.errorOutput.contains(words), "\(ended.errorOutput)")
        }
    }

    @Test("weak series give each rank as much to multiply")
    func work() {
        let sizes = ScalingSeries.Sizes()
        let data = ScalingSeries(growth: .weak, axis: .data, shape: .uneven, reference: .on)
        #expect([1, 2, 8].map { data.pairsPerStep(ranks: $0, sizes) } == [4, 8, 32])
        #expect(data.model(ranks: 8, sizes) == data.model(ranks: 1, sizes))
        let tensor = ScalingSeries(growth: .weak, axis: .tensor, shape: .even, reference: .on)
        let (one, four) = (tensor.model(ranks: 1, sizes), tensor.model(ranks: 4, sizes))
        #expect(four.hiddenSize == one.hiddenSize && four.headCount == 4 * one.headCount)
        #expect(four.feedForwardSize == 4 * one.feedForwardSize && four.vocabularySize == 4 * one.vocabularySize)
        let strong = ScalingSeries(growth: .strong, axis: .tensor, shape: .uneven, reference: .on)
        #expect(strong.fits(ranks: 3, sizes) && !strong.fits(ranks: 4, sizes))
    }
}

/// Tags are closed in the order in which they were opened.
private enum XMLDocumentCheck {
    static func isWellFormed(_ path: String) throws -> Bool {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        var open: [Substring] = []
        for tag in text.matches(of: /<(\/?)([a-z]+)[^<>]*?(\/?)>/) {
            if tag.1 == "/" {
                guard open.popLast() == tag.2 else { return false }
            } else if tag.3.isEmpty {
                open.append(tag.2)
            }
        }
        return open.isEmpty && text.hasPrefix("<svg") && text.count { $0 == "<" } == text.count { $0 == ">" }
    }
}
