import Foundation
import TestSupport
import Testing

/// A run that is begun, broken off and taken up again.
private final class ResumeCase {
    let folder = TemporaryFolder()

    init() throws {
        try makeCheckpoint(unevenConfiguration(.llama), seed: 1, in: folder, named: "policy")
        try makeCheckpoint(unevenConfiguration(.llama), seed: 2, in: folder, named: "reference")
        let data = try makeDataset(randomPairs(count: 14, vocabulary: 509, lengths: 3...24, seed: 5), in: folder)
        try folder.write(
            """
            model: {checkpoint: \(folder.file("policy"))}
            references: {ref: {checkpoint: \(folder.file("reference"))}}
            data: {train: \(data), validation: \(data)}
            objective: {type: preference, beta: 0.1, reference: ref}
            schedule: {steps: 7, pairs_per_step: 4, tokens_per_micro_batch: 100}
            optimizer: {learning_rate: 1e-3, warmup_fraction: 0.3, decay: cosine}
            evaluation: {every: 2}
            run: {directory: \(folder.file("run")), threads: 1, checkpoint_every: 3}
            """, to: "run.yaml")
    }

    func train(
        _ arguments: [String], directory: String, tensor: Int = 1, zero: Int = 0, ranks: Int? = nil
    ) throws -> ProcessResult {
        let settings = ["run.directory=\(folder.file(directory))", "parallel.tensor=\(tensor)", "parallel.zero=\(zero)"]
        return try runProgram(
            "tandem", ["train", folder.file("run.yaml")] + settings.flatMap { ["--set", $0] } + arguments, ranks: ranks)
    }

    /// Rows of `metrics.jsonl` as they are written, to the last digit, without what depends on the clock.
    func figures(_ directory: String) throws -> [String] {
        try String(contentsOfFile: folder.file(directory) + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
            $0.components(separatedBy: ", ").filter { !isOfClock($0) }.joined(separator: ", ")
        }
    }

    func weights(_ directory: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder.file(directory) + "/export/model.safetensors"))
    }

    func checkpoints(_ directory: String, _ inner: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.file(directory) + "/checkpoints" + inner).sorted()
    }

    func status(_ directory: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.file(directory) + "/status.json"))
        return try JSONSerialization.jsonObject(with: data) as! [String: Any]
    }
}

@Suite(.serialized) struct ResumeTests {
    @Test(
        "a resumed run is bit for bit the uninterrupted one",
        arguments: [(nil, 1, 0), (2, 1, 0), (2, 2, 0), (2, 1, 1), (3, 1, 1), (4, 2, 1)]
            as [(ranks: Int?, tensor: Int, zero: Int)])
    func resumes(layout: (ranks: Int?, tensor: Int, zero: Int)) throws {
        let test = try ResumeCase()
        func train(_ arguments: [String], _ directory: String) throws -> ProcessResult {
            try test.train(
                arguments, directory: directory, tensor: layout.tensor, zero: layout.zero, ranks: layout.ranks)
        }
        #expect(try train([], "whole").exitCode == 0)

        // As a crash after step 5 leaves it: rows beyond the checkpoint, the last one cut, no export.
        try FileManager.default.copyItem(atPath: test.folder.file("whole"), toPath: test.folder.file("broken"))
        for rest in ["export", "checkpoints/step-6"] {
            try FileManager.default.removeItem(atPath: test.folder.file("broken/" + rest))
        }
        let metrics = test.folder.file("broken/metrics.jsonl")
        let text = try String(contentsOfFile: metrics, encoding: .utf8)
        try Data(text.dropLast(30).utf8).write(to: URL(fileURLWithPath: metrics))

        let result = try train(["--resume"], "broken")
        #expect(result.exitCode == 0, "\(result.errorOutput)")
        #expect(result.output.contains("resumed     after step 3"))
        #expect(try test.figures("broken") == test.figures("whole"))
        #expect(try test.weights("broken") == test.weights("whole"))
        #expect(try test.status("broken")["state"] as? String == "finished")
    }

    @Test("a run goes on to the bit from any save that was made while it went on, mid-epoch too, with keep_every", arguments: [0, 1])
    func background(zero: Int) throws {
        let test = try ResumeCase()
        let saving = ["--set", "run.checkpoint_every=1", "--set", "run.keep_last=1", "--set", "run.keep_every=2"]
        #expect(try test.train(saving, directory: "whole", zero: zero, ranks: 2).exitCode == 0)
        let kept = try test.checkpoints("whole")
        #expect(kept == ["step-2", "step-4", "step-6", "step-7"])
        for step in [2, 6] {
            let directory = "from-\(step)"
            try FileManager.default.copyItem(atPath: test.folder.file("whole"), toPath: test.folder.file(directory))
            try FileManager.default.removeItem(atPath: test.folder.file(directory + "/export"))
            let result = try test.train(saving + ["--resume=\(step)"], directory: directory, zero: zero, ranks: 2)
            #expect(result.exitCode == 0 && !result.output.contains("to rounding"), "\(result.errorOutput)")
            #expect(try test.figures(directory) == test.figures("whole"))
            #expect(try test.weights(directory) == test.weights("whole"))
            #expect(result.output.contains("are set aside in \(test.folder.file(directory))/checkpoints/set-aside-1"))
            #expect(try test.checkpoints(directory) == ["set-aside-1"] + kept)
            let aside = ["metrics.jsonl"] + kept.filter { $0 > "step-\(step)" }
            #expect(try test.checkpoints(directory, "/set-aside-1") == aside)
        }
    }

    @Test("a run that went back to an earlier step goes on from what it saved since, not from what it left behind")
    func wentBack() throws {
        let test = try ResumeCase()
        let saving = ["--set", "run.checkpoint_every=1", "--set", "run.keep_last=3"]
        #expect(try test.train(saving, directory: "run").exitCode == 0)
        let slower = saving + ["--set", "run.allow_changes=[optimizer.learning_rate]", "--set", "optimizer.learning_rate=1e-4"]
        #expect(try test.train(slower + ["--resume=5"], directory: "run").exitCode == 0)
        // As if it had been killed in its last step.
        try FileManager.default.removeItem(atPath: test.folder.file("run/checkpoints/step-7"))
        let slow = try (test.figures("run"), test.weights("run"))
        let result = try test.train(slower + ["--resume"], directory: "run")
        #expect(result.exitCode == 0 && result.output.contains("resumed     after step 6"), "\(result.errorOutput)")
        #expect(!result.output.contains("permits these changes") && !result.output.contains("set aside"))
        #expect(try test.figures("run") == slow.0)
        #expect(try test.weights("run") == slow.1)
    }

    @Test("each rank writes a file of its own, and the manifest says where every float lies")
    func shards() throws {
        let test = try ResumeCase()
        #expect(try test.train([], directory: "run", tensor: 2, zero: 1, ranks: 4).exitCode == 0)
        let folder = test.folder.file("run/checkpoints/step-6")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let shards = ["tensor-0-data-0.h5", "tensor-0-data-1.h5", "tensor-1-data-0.h5", "tensor-1-data-1.h5"]
        #expect(files == ["manifest.json", "manifest.sha256"] + shards)
        let manifest = try SavedState.manifest(folder)
        #expect(manifest.shards.map(\.file) == shards)
        for tensor in 0..<2 {
            let ranges = manifest.shards.filter { $0.tensor == tensor }.flatMap(\.ranges).sorted { $0[0] < $1[0] }
            // All floats of the rank's block, each once, in more than one bucket.
            #expect(ranges.count > 2 && ranges[0][0] == 0)
            #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0[1] == $1[0] && $0[0] < $0[1] })
        }
        let provenance =
            try JSONSerialization.jsonObject(
                with: Data(contentsOf: URL(fileURLWithPath: test.folder.file("run/provenance.json")))) as! [String: Any]
        let inputs = provenance["inputs"] as! [String: [[String: Any]]]
        #expect(Set(inputs.keys) == ["data.train", "model.checkpoint", "references.ref.checkpoint"])
        let digest = try runCommand(["sha256sum", test.folder.file("data.h5")]).output.prefix(64)
        #expect(inputs["data.train"]?[0]["sha256"] as? String == String(digest))
    }

    @Test("each step of several data ranks says what share of the communication was hidden, and one rank has none to hide")
    func hidden() throws {
        let test = try ResumeCase()
        for (directory, ranks) in [("two", 2), ("one", nil)] as [(String, Int?)] {
            #expect(try test.train([], directory: directory, ranks: ranks).exitCode == 0)
            let steps = try readJSONL(test.folder.file(directory) + "/metrics.jsonl").filter { $0["eval"] == nil }
            let shares = steps.compactMap { $0["communication_hidden"] as? Double }
            #expect(steps.count == 7 && shares.count == (ranks == nil ? 0 : 7))
            #expect(shares.allSatisfy { $0 < 1 })
        }
    }

    @Test("a signal stops a run at a step's edge with a checkpoint, exit code 0 and a word on how to go on")
    func signal() throws {
        let test = try ResumeCase()
        let long = ["--set", "schedule.steps=60", "--set", "run.checkpoint_every=null", "--set", "evaluation.every=null"]
        #expect(try test.train(long, directory: "whole").exitCode == 0)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: programFolder + "/tandem")
        process.arguments =
            [
                "train", test.folder.file("run.yaml"), "--set", "run.directory=\(test.folder.file("stopped"))",
            ] + long
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        // The first figures are the evaluation before step 1: the run is under way, and far from its end.
        while !FileManager.default.fileExists(atPath: test.folder.file("stopped/metrics.jsonl")) { usleep(500) }
        kill(process.processIdentifier, SIGINT)
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(try test.status("stopped")["state"] as? String == "preempted")
        #expect(text.contains("--resume"))

        #expect(try test.train(["--resume"] + long, directory: "stopped").exitCode == 0)
        #expect(try test.figures("stopped") == test.figures("whole"))
        #expect(try test.weights("stopped") == test.weights("whole"))
    }

    @Test("other settings, other data and a step that is not there are refused by name, and what is allowed may differ")
    func refusals() throws {
        let test = try ResumeCase()
        #expect(try test.train([], directory: "run", ranks: 2).exitCode == 0)
        let before = try test.figures("run")
        func expect(_ arguments: [String], _ exitCode: Int32, _ words: String...) throws {
            let result = try test.train(arguments, directory: "run", ranks: 2)
            #expect(result.exitCode == exitCode, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && words.allSatisfy(result.causeLines[0].contains), "\(result.errorOutput)")
            #expect(try test.figures("run") == before)
        }
        try expect(["--resume=5"], 66, "3, 6")
        let faster = ["--set", "optimizer.learning_rate=2e-3"]
        try expect(["--resume"] + faster, 78, "optimizer.learning_rate = 0.001", "0.002", "run.allow_changes: [optimizer.learning_rate]")
        try expect(["--resume", "--set", "run.allow_changes=[optimizer.betas]"] + faster, 78, "optimizer.learning_rate")

        let data = test.folder.file("data.h5")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: data))
        try FileManager.default.removeItem(atPath: data)
        _ = try makeDataset(randomPairs(count: 9, vocabulary: 509, lengths: 3...24, seed: 7), in: test.folder)
        try expect(["--resume"], 65, "data.train", "data.h5", "run.allow_changes: [data.train]")
        let other = try test.train(["--resume", "--set", "run.allow_changes=[data.train, optimizer]"] + faster, directory: "run", ranks: 2)
        #expect(other.exitCode == 0, "\(other.errorOutput)")
        #expect(other.output.contains("permits these changes since the run began: data.train, optimizer.learning_rate"))
        try bytes.write(to: URL(fileURLWithPath: data))

        let weights = test.folder.file("reference/model.safetensors")
        var changed = try Data(contentsOf: URL(fileURLWithPath: weights))
        changed[changed.count - 2] ^= 1
        try changed.write(to: URL(fileURLWithPath: weights))
        let reference = try test.train(["--resume=3"], directory: "run", ranks: 2)
        #expect(reference.exitCode == 65 && reference.causeLines.first?.contains("references.ref.checkpoint") == true)
    }

    @Test("a damaged checkpoint is refused by name with the way out; latest-valid goes back to the newest that is whole")
    func damage() throws {
        let test = try ResumeCase()
        #expect(try test.train([], directory: "whole", ranks: 2).exitCode == 0)
        for (name, exitCode) in [("tensor-0-data-1.h5", 65), ("tensor-0-data-0.h5", 66), ("manifest.json", 65), ("manifest.sha256", 66)]
            as [(String, Int32)]
        {
            try? FileManager.default.removeItem(atPath: test.folder.file("run"))
            try FileManager.default.copyItem(atPath: test.folder.file("whole"), toPath: test.folder.file("run"))
            let file = test.folder.file("run/checkpoints/step-6/" + name)
            var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            bytes[bytes.count / 2] ^= 1
            try exitCode == 66 ? FileManager.default.removeItem(atPath: file) : bytes.write(to: URL(fileURLWithPath: file))
            let refused = try test.train(["--resume"], directory: "run", ranks: 2)
            #expect(refused.exitCode == exitCode)
            #expect(refused.causeLines.count == 1, "\(refused.errorOutput)")
            #expect(refused.causeLines.first?.contains(name) == true && refused.causeLines.first?.contains("Step 3 is whole") == true)
            #expect(try test.figures("run") == test.figures("whole"))
            let inspected = try runProgram("tandem", ["inspect", "--verify", test.folder.file("run")])
            #expect(inspected.exitCode == exitCode && inspected.output.contains("step 3: undamaged"), "\(inspected.output)")
            #expect(inspected.causeLines.first?.contains(name) == true)
        }
        let result = try test.train(["--resume=latest-valid"], directory: "run", ranks: 2)
        #expect(result.exitCode == 0 && result.output.contains("step 6 is passed over"), "\(result.output)")
        #expect(result.output.contains("resumed     after step 3"))
        #expect(try test.figures("run") == test.figures("whole"))
        #expect(try test.weights("run") == test.weights("whole"))
        let inspected = try runProgram("tandem", ["inspect", "--verify", test.folder.file("run/checkpoints/step-6")])
        #expect(inspected.exitCode == 0 && inspected.output.contains("6 of 7"), "the damaged one was saved again")
        #expect(try test.checkpoints("run", "/set-aside-1") == ["metrics.jsonl", "step-6"])
    }

    @Test("a run whose metrics lost rows goes on to the bit, numbers on, and says what is missing", arguments: [nil, 2])
    func lostRows(ranks: Int?) throws {
        let test = try ResumeCase()
        #expect(try test.train([], directory: "run", ranks: ranks).exitCode == 0)
        let whole = try (test.figures("run"), test.weights("run"))
        let metrics = test.folder.file("run/metrics.jsonl")
        let rows = try String(contentsOfFile: metrics, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        // As a machine that lost its power leaves a file: the rows of steps 1 to 4 and two evaluations.
        try rows.prefix(7).joined(separator: "\n").appending("\n{").write(toFile: metrics, atomically: true, encoding: .utf8)
        let result = try test.train(["--resume"], directory: "run", ranks: ranks)
        #expect(result.exitCode == 0 && result.output.contains("resumed     after step 6"), "\(result.errorOutput)")
        let lost = whole.0.enumerated().filter { [7, 8, 9].contains($0.offset) }.map(\.element)
        #expect(lost.count == 3 && lost.allSatisfy { !$0.contains("\"step\": 7") }, "the test cuts other rows than it means to")
        #expect(result.output.contains("was changed since step 6: it lacks the rows of steps 5-6 and of 1 evaluation."), "\(result.output)")
        #expect(result.output.contains("metrics.jsonl.unreadable"))
        #expect(try test.figures("run") == whole.0.filter { !lost.contains($0) } && test.weights("run") == whole.1)
        #expect(try String(contentsOfFile: metrics + ".unreadable", encoding: .utf8) == "{\n")
    }

    @Test("a run whose metrics are gone or were edited goes on, and later checkpoints count what there is")
    func changedMetrics() throws {
        let test = try ResumeCase()
        #expect(try test.train([], directory: "run").exitCode == 0)
        let whole = try (test.figures("run"), test.weights("run"))
        let metrics = test.folder.file("run/metrics.jsonl")
        try FileManager.default.removeItem(atPath: metrics)
        let gone = try test.train(["--resume=3"], directory: "run")
        #expect(gone.exitCode == 0 && gone.output.contains("metrics.jsonl is not there: it lacks the rows of steps 1-3 and of"), "\(gone.output)")
        let after = whole.0.firstIndex { $0.contains("\"step\": 4") }!
        #expect(try test.figures("run") == Array(whole.0[after...]) && test.weights("run") == whole.1)

        // The checkpoint of step 6 counts the shorter file; a figure that somebody rounded stays as it is found.
        let text = try String(contentsOfFile: metrics, encoding: .utf8)
        let edited = text.replacing(/"grad_norm": [^,]*/, with: "\"grad_norm\": 1", maxReplacements: 1)
        #expect(edited != text)
        try edited.write(toFile: metrics, atomically: true, encoding: .utf8)
        let again = try test.train(["--resume=6"], directory: "run")
        #expect(
            again.exitCode == 0 && again.output.contains("metrics.jsonl was changed since step 6: it lacks the rows of steps 1-3"), "\(again.output)")
        #expect(try String(contentsOfFile: metrics, encoding: .utf8).contains("\"grad_norm\": 1,"))
        #expect(try test.figures("run").count == whole.0.count - after)
    }

    @Test("a finished run without a checkpoint keeps its export; one with fewer steps than it has done is exported")
    func finished() throws {
        let test = try ResumeCase()
        #expect(try test.train(["--set", "run.checkpoint_every=100"], directory: "none").exitCode == 0)
        let weights = try test.weights("none")
        let refused = try test.train(["--resume"], directory: "none")
        #expect(refused.exitCode == 78 && refused.causeLines.first?.contains("finished run") == true, "\(refused.errorOutput)")
        #expect(try test.weights("none") == weights)

        #expect(try test.train([], directory: "run").exitCode == 0)
        let shorter = ["--set", "schedule.steps=6", "--set", "run.allow_changes=[schedule]", "--resume=6"]
        #expect(try test.train(["--set", "schedule.steps=6", "--set", "optimizer.decay=constant"], directory: "six").exitCode == 0)
        try FileManager.default.removeItem(atPath: test.folder.file("run/export"))
        let result = try test.train(shorter, directory: "run")
        #expect(
            result.exitCode == 0 && FileManager.default.fileExists(atPath: test.folder.file("run/export/model.safetensors")), "\(result.errorOutput)")
        #expect(try test.figures("run").count == test.figures("six").count)
    }

    @Test("only the newest checkpoints are kept, and --resume with none starts from the beginning and says so")
    func keepsTheNewest() throws {
        let test = try ResumeCase()
        #expect(try test.train(["--set", "run.checkpoint_every=1", "--set", "run.keep_last=2"], directory: "run").exitCode == 0)
        #expect(try test.checkpoints("run") == ["step-6", "step-7"])
        let fresh = try test.train(["--resume"], directory: "new")
        #expect(fresh.exitCode == 0)
        #expect(fresh.output.contains("nothing to resume"))
    }
}
