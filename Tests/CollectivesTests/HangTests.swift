import Foundation
import TestSupport
import Testing

/// Ranks that hang, for real: `hang-probe` under mpirun, with a limit of 1.5 seconds.
@Suite(.serialized) struct HangTests {
    private func probe(_ mode: String, ranks: Int = 2, checked: Bool = false) throws -> ProcessResult {
        try runProgram("hang-probe", [mode] + (checked ? ["checked"] : []), ranks: ranks, timeLimit: 30)
    }

    private func isToldOnce(_ result: ProcessResult, exitCode: Int32, _ words: String...) {
        #expect(result.exitCode == exitCode, "\(result.errorOutput)")
        #expect(result.causeLines.count == 1, "\(result.errorOutput)")
        for word in words { #expect(result.causeLines.first?.contains(word) == true, "\(word): \(result.errorOutput)") }
        #expect(result.seconds < 10)
    }

    @Test("a rank that does not come is named, with what it does and who waits")
    func late() throws {
        let result = try probe("late", ranks: 3)
        isToldOnce(
            result, exitCode: 75, "tandem: rank 1 (", "has not reached all-reduce #2 over data (4,096 floats)",
            "step 7, backward, micro-batch 3 of 4", "Ranks 0 and 2 have waited for", "run.collective_timeout is 1.5 s")
        let notes = result.errorOutput.split(separator: "\n").filter { $0.hasPrefix("tandem: note: rank ") }
        #expect(notes.count == 3, "a line for each rank: \(result.errorOutput)")
    }

    @Test("ranks that call different operations are told apart")
    func different() throws {
        isToldOnce(
            try probe("different"), exitCode: 70, "all-reduce of 4,096 floats", "as operation #2 over data, but rank", "barrier")
    }

    @Test("different amounts are named, whether MPI sees them or the ranks wait")
    func counts() throws {
        let result = try probe("counts")
        #expect(result.exitCode == 70, "\(result.errorOutput)")
        #expect(result.causeLines.count == 1, "\(result.errorOutput)")
        let line = try #require(result.causeLines.first)
        #expect(line.contains("4,096 floats") && line.contains("2,048 floats") && line.contains("operation #2 over data"))
    }

    @Test("with comparison a mismatch is refused before anyone waits", arguments: ["different", "counts"])
    func compared(mode: String) throws {
        let result = try probe(mode, checked: true)
        isToldOnce(result, exitCode: 70, "rank 0", "all-reduce of 4,096 floats as operation #2 over data", "rank 1")
        #expect(!result.errorOutput.contains("run.collective_timeout"))
    }

    @Test("ranks that wait for each other in two groups are both named")
    func crossed() throws {
        isToldOnce(
            try probe("crossed"), exitCode: 70, "wait for each other", "rank 0 is in barrier #2 over data",
            "rank 1 is in barrier #")
    }

    @Test("a rank that ends without a word is named at once")
    func gone() throws {
        let result = try probe("gone", ranks: 3)
        // A rank that ends with 0 before MPI's end gets a code of mpirun's own.
        isToldOnce(result, exitCode: result.exitCode, "tandem: rank 1 (", "without a word")
        #expect(result.exitCode != 0)
        #expect(result.seconds < 10)
    }

    @Test("a rank that needs longer for the same work is named, and the step says what the slowest needed")
    func slow() throws {
        let folder = TemporaryFolder()
        try makeCheckpoint(unevenConfiguration(.llama), seed: 1, in: folder, named: "policy")
        _ = try makeDataset(randomTexts(count: 30, vocabulary: 509, lengths: 10...20, seed: 5), in: folder)
        try folder.write(
            """
            model: {checkpoint: \(folder.file("policy"))}
            data: {train: \(folder.file("data.h5"))}
            objective: {type: language_modeling}
            schedule: {steps: 7, tokens_per_step: 60}
            optimizer: {learning_rate: 0.0001}
            run: {directory: \(folder.file("run")), threads: 1}
            """, to: "run.yaml")
        let result = try runProgram("hang-probe", ["slow", folder.file("run.yaml")], ranks: 3)
        #expect(result.exitCode == 0, "\(result.errorOutput)")
        let lines = result.output.split(separator: "\n")
        let notices = lines.filter { $0.contains("is slow") }
        #expect(notices.count == 1 && notices[0].hasPrefix("note: rank 1 ("), "\(result.output)")
        let slowest = lines.filter { $0.hasPrefix("slowest ") }.compactMap { Double($0.dropFirst(8)) }
        #expect(slowest.count == 7 && slowest.allSatisfy { $0 > 0.25 })
    }
}
