import Foundation
import TestSupport
import Testing

/// The program as a person starts it, on a model so small that it takes seconds. No times are judged.
@Suite(.serialized) struct BenchmarkCommandTests {
    private let folder = TemporaryFolder()

    private func report(_ arguments: [String]) throws -> [String: Any] {
        let path = folder.file("report.json")
        let ended = try runProgram(
            "tandem-benchmark", ["--quick", "--model", "tiny", "--json", path] + arguments, timeLimit: 300)
        try #require(ended.exitCode == 0, "\(ended.errorOutput)")
        return try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as! [String: Any]
    }

    @Test func quickRunMeasuresEverything() throws {
        let report = try report(["--threads", "2"])
        let notices = report["notices"] as! [String]
        var expected = ["lm-4x512", "lm-1x4096", "dpo-fly", "dpo-cached", "dpo-none", "distill"]
        // Where the trainer has no memory of a reference's values the step is left out, and the report says so.
        if notices.contains(where: { $0.hasPrefix("dpo-cached is left out") }) { expected.removeAll { $0 == "dpo-cached" } }
        let steps = report["steps"] as! [[String: Any]]
        #expect(steps.map { $0["name"] as! String } == expected)
        for step in steps {
            for key in ["tokens_per_second", "floor_fraction", "peak_memory_bytes", "model_flops", "step_seconds", "floor_seconds"] {
                #expect((step[key] as? Double ?? 0) > 0, "\(key) of \(step["name"]!)")
            }
            #expect(step["ranks"] as? Int == 1 && step["threads"] as? Int == 2)
            let seconds = step["seconds"] as! [String: Double]
            #expect(Set(seconds.keys) == ["data", "reference", "forward", "head", "backward", "communication", "optimizer"])
            let hasPairs = !(step["name"] as! String).hasPrefix("lm-")
            #expect((step["pairs_per_second"] as? Double != nil) == hasPairs)
        }
        let kernels = report["kernels"] as! [[String: Any]]
        #expect(kernels.count == 21 && kernels.allSatisfy { ($0["time_over_floor"] as! Double) > 0 })
        let ceiling = report["ceiling"] as! [String: Any]
        #expect((ceiling["best_flops"] as! Double) > 0 && (ceiling["triad_bytes_per_second"] as! Double) > 0)
        let machine = report["machine"] as! [String: Any]
        #expect((machine["processor"] as! String).isEmpty == false && (machine["cores"] as! Int) > 0)
        #expect(report["versions"] != nil && report["binding"] != nil)
    }

    @Test func ranksStartUnderMpirun() throws {
        let report = try report(["--ranks", "2", "--threads", "1", "--only", "ceiling", "lm-1x4096", "dpo-fly"])
        let steps = report["steps"] as! [[String: Any]]
        #expect(steps.map { $0["name"] as! String } == ["lm-1x4096", "dpo-fly"])
        // One text has work for one data rank only.
        #expect(steps.map { $0["tensor"] as! Int } == [2, 1])
        #expect((report["notices"] as! [String]).count == 1)
        #expect((report["binding"] as! [String: Any])["ranks"] as? Int == 2)
    }

    @Test func ownPairsAreTaken() throws {
        let path = try folder.write(randomPairs(count: 9, vocabulary: 512, lengths: 3...20, seed: 1), to: "pairs.jsonl")
        let report = try report(["--pairs", path, "--only", "dpo-none"])
        #expect(report["pairs"] as? String == path)
        #expect((report["steps"] as! [[String: Any]]).count == 1)
    }

    @Test func mistakesAreToldInOneLine() throws {
        let few = try folder.write(randomPairs(count: 3, vocabulary: 512, lengths: 3...20, seed: 1), to: "few.jsonl")
        for (arguments, code, words) in [
            (["--ranks", "3", "--tensor", "2"], Int32(64), "does not divide"),
            (["--tensor", "4", "--ranks", "4"], 64, "key/value heads"),
            (["--only", "dpo-none", "--pairs", "/no/such/file"], 66, "can't be read"),
            (["--only", "dpo-none", "--pairs", few], 65, "holds 3 pairs"),
            (["--only", "dpo-none", "--json", few], 78, "holds no benchmark's figures"),
            (["--only", "dpo-none", "--pairs", few, "--json", few, "--overwrite"], 64, "one of the inputs"),
            (["--ranks", "-1"], 64, "--ranks: is -1"), (["--tensor", "0"], 64, "--tensor: is 0"),
            (["--steps", "-2"], 64, "--steps: is -2"), (["--only", "nothing"], 64, "The value 'nothing' is invalid"),
            (["--only", "dpo-none", "--json", "/no/such/file"], 74, "does not exist"),
        ] {
            let ended = try runProgram("tandem-benchmark", ["--model", "tiny", "--quick"] + arguments)
            #expect(ended.exitCode == code)
            let lines = ended.errorOutput.split(separator: "\n").filter { !$0.contains("measuring") && !$0.contains("random weights") }
            #expect(lines.count == 1 && lines[0].contains(words), "\(ended.errorOutput)")
        }
    }
}
