import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// Limits of the process's own, which libraries meet without a word: OpenBLAS asks again for ever, MPI and Swift's runtime end.
    @Suite("Memory limits") struct MemoryLimitTests {
        /// In kB: from less than the libraries take themselves to what is plenty for the little model.
        static let limits = [145_000, 150_000, 170_000, 200_000, 300_000, 350_000, 400_000, 500_000, 600_000]

        private func expectEnd(_ result: ProcessResult, _ limit: String, sourceLocation: SourceLocation = #_sourceLocation) {
            // 127 is the loader's, which has its own line where not even the libraries have room.
            #expect([0, 78, 127].contains(result.exitCode), "\(limit): \(result.errorOutput)", sourceLocation: sourceLocation)
            let lines = result.errorOutput.split(separator: "\n").filter { !$0.hasPrefix("tandem: note: ") }
            #expect(lines.count == (result.exitCode == 0 ? 0 : 1), "\(limit): \(result.errorOutput)", sourceLocation: sourceLocation)
            if result.exitCode == 78 { #expect(lines.first?.contains("ulimit -\(limit.prefix(1))") == true, sourceLocation: sourceLocation) }
            #expect(result.seconds < 30, sourceLocation: sourceLocation)
        }

        @Test(
            "no limit of the address space makes a command wait or crash: it works, or says in one line what is missing",
            arguments: [
                "train config.yaml --overwrite --set run.checkpoint_every=1",
                "score --checkpoint policy --data pairs.h5 --output scores.jsonl --threads 2",
                "inspect policy",
            ])
        func addressSpace(command: String) throws {
            let workspace = try Workspace()
            var codes: [Int32] = []
            for limit in Self.limits {
                let result = try workspace.shell("ulimit -v \(limit); exec \"$TANDEM\" \(command)", timeLimit: 30)
                expectEnd(result, "v \(limit)")
                codes.append(result.exitCode)
            }
            #expect(codes.contains(78) && codes.last == 0, "\(codes)")
            // More is never worse.
            #expect(codes.firstIndex(of: 0).map { codes[$0...].allSatisfy { $0 == 0 } } == true, "\(codes)")
        }

        @Test("a limit of the data alone is met in the same way")
        func data() throws {
            let workspace = try Workspace()
            for limit in [20_000, 100_000, 200_000, 600_000] {
                let result = try workspace.shell("ulimit -d \(limit); exec \"$TANDEM\" evaluate config.yaml", timeLimit: 30)
                expectEnd(result, "d \(limit)")
                #expect((result.exitCode == 0) == (limit == 600_000))
            }
        }

        @Test("two ranks under a limit end with one line of ours, before MPI or instead of it")
        func ranks() throws {
            let workspace = try Workspace()
            for limit in [150_000, 360_000, 800_000] {
                let result = try workspace.shell("ulimit -v \(limit); exec \"$TANDEM\" train config.yaml", ranks: 2, timeLimit: 60)
                let isEnough = limit == 800_000
                #expect(result.exitCode == (isEnough ? 0 : 78), "\(limit): \(result.errorOutput)")
                #expect(result.causeLines.count == (isEnough ? 0 : 1) && !result.errorOutput.contains("MPI_Init"), "\(result.errorOutput)")
                #expect(result.causeLines.allSatisfy { $0.contains("ulimit -v") })
            }
        }
    }
}
