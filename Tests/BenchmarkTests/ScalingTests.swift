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
        #expect(lines.count == 37 && lines.allSatisfy { $0.split(separator: ",", omittingEmptySubsequences: false).count == 26 })
        #expect(try XMLDocumentCheck.isWellFormed(paths[2]))
        // The next run of the same words may replace them all: it gets as far as its next mistake.
        let again = try runProgram(
            "tandem-benchmark", ["scaling", "--ranks", "0", "--csv", paths[0], "--json", paths[1], "--plot", paths[2]])
        #expect(again.errorOutput.contains("Give a number from 1"), "\(again.errorOutput)")
        for words in ["weak data", "efficiency is then s(1) / s(n)", "no forecast"] { #expect(ended.output.contains(words), "\(words)") }
    }

    private func report(load: Double = 0, rounds: [Double]?) -> ScalingReport {
        let machine = Machine(host: "node1", processor: "Test 1", cores: 2, memoryBytes: 1 << 30, loadBefore: load)
        let versions = Versions(tandem: "0", blas: "0", blasCore: "core", mpi: "none", kernel: "0")
        var report = ScalingReport(
            machine: machine, versions: versions, started: "2026-12-01T10:51:28Z", rounds: rounds == nil ? 1 : 3, threads: 1, sizes: .init())
        report.points = [
            ScalingPoint(
                series: ScalingSeries(growth: .weak, axis: .data, shape: .even, reference: .on), ranks: 2, nodes: 1, isForecast: false,
                isOversubscribed: false, stepSeconds: 2, stepSecondsRange: rounds, tokensPerSecond: 1, operations: 1, efficiency: 0.9,
                efficiencyRange: rounds.map { _ in [0.8, 0.95] }, machineEfficiency: 1, exposedCommunication: 0, memoryBytesPerRank: 1,
                model: "6 blocks")
        ]
        return report
    }

    @Test("a run on a busy machine, or whose rounds lie far apart, is marked as disturbed in table, CSV and drawing")
    func disturbed() {
        // 0.2 of 2 s apart is a tenth; 0.4 a fifth.
        for (report, reason) in [
            (report(rounds: nil), nil), (report(rounds: [1.9, 2.1]), nil), (report(rounds: [1.8, 2.2]), "20 % apart"),
            (report(load: 1.5, rounds: [1.9, 2.1]), "busy"),
        ] {
            #expect(report.disturbances.count == (reason == nil ? 0 : 1) && report.disturbances.first?.contains(reason ?? "") != false)
            for text in [report.text, report.svg] { #expect(text.contains("DISTURBED") == (reason != nil)) }
            for words in ["node1", "Test 1", "2026-12-01T10:51:28Z"] {
                for text in [report.text, report.svg, report.csv] { #expect(text.contains(words), "\(words)") }
            }
            #expect(report.csv.contains(",true,2026") == (reason != nil) && report.csv.contains("\"6 blocks\""))
        }
    }

    @Test("./launch/benchmark --no-build takes what was built before, and says where nothing was")
    func withoutBuilding() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        try FileManager.default.createDirectory(atPath: folder.file("launch"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: root.path + "/launch/benchmark", toPath: folder.file("launch/benchmark"))
        let missing = try runCommand([folder.file("launch/benchmark"), "--no-build"])
        #expect(missing.exitCode == 69 && missing.errorOutput.contains("no earlier build"), "\(missing.errorOutput)")
        let release = folder.file(".build/release")
        try FileManager.default.createDirectory(atPath: release, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: release + "/tandem-benchmark", withDestinationPath: programFolder + "/tandem-benchmark")
        let ended = try runCommand([folder.file("launch/benchmark"), "scaling", "--no-build", "--ranks", "0"])
        #expect(ended.exitCode == 64 && ended.errorOutput.contains("Give a number from 1"), "\(ended.errorOutput)")
    }

    @Test("mistakes are told in one line")
    func mistakes() throws {
        for (arguments, code, words) in [
            (["--ranks", "0"], Int32(64), "Give a number from 1"), (["--machine", folder.file("absent.json")], 66, "can't be read"),
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
