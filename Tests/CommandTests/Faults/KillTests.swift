import Foundation
import Tensors
import TestSupport
import Testing

extension CommandTests {
    /// Ranks are killed at random, again and again, while every step is saved.
    @Suite("Killed at random") struct KillTests {
        /// `./launch/test --faults` kills 200 times.
        private static let killCount = ProcessInfo.processInfo.environment["TANDEM_ALL_FAULTS"] == nil ? 5 : 200
        private static let endless = ["schedule.steps": "1000000", "run.checkpoint_every": "1", "evaluation.at_start": "false"]

        @Test("no step that was said to be saved is lost, no checkpoint is invalid, and the run goes on to the bit")
        func kills() throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = KeyedRandom(key: seed, 1)
            let workspace = try Workspace()
            let run = FaultRun(workspace, KillTests.endless)
            var (saved, resumedCount) = (0, 0)
            for kill in 0..<KillTests.killCount {
                // Where the machine is slow, too: after some steps, but every fourth time while the job starts and resumes.
                let moment =
                    switch kill % 4 {
                    case _ where kill == 0: "saved"
                    case 3: "until [ -e pid.1 ]; do sleep 0.01; done; sleep \(random.fraction)"
                    default: "step \(saved + 4 + Int(random.next() % 6))"
                    }
                let (result, seconds) = try run.train(
                    kill == 0 ? [] : ["--resume"],
                    beside: "\(moment); sleep \(0.2 * random.fraction); kill -KILL $(rank \(random.next() % 2))")
                let comment: Comment = "seed \(seed), kill \(kill): \(result.errorOutput)"
                #expect(result.exitCode == 75 && seconds < 10, comment)
                let steps = result.output.matches(of: /step ([0-9]+): saved/).compactMap { Int($0.1) }
                if let from = result.output.firstMatch(of: /resumed     after step ([0-9]+)/).flatMap({ Int($0.1) }) {
                    #expect(from >= saved, comment)
                    resumedCount += 1
                }
                saved = max(saved, steps.last ?? 0)
                let verified = try workspace.tandem(["inspect", "run", "--verify"])
                #expect(verified.exitCode == 0, "\(verified.output) \(verified.errorOutput)")
            }
            #expect(workspace.remainingProcesses().isEmpty)
            #expect(saved > 0 && resumedCount > KillTests.killCount / 3)

            // An uninterrupted run as far as this one came.
            let other = FaultRun(try Workspace(), KillTests.endless.merging(["run.checkpoint_every": "1000000"]) { $1 })
            let last = try run.rows().count
            _ = try other.train(beside: "step \(last); kill -USR1 $(launcher)")
            // The last row may be cut where its writer was killed.
            #expect(try run.rows().dropLast() == other.rows().prefix(last - 1))
        }
    }
}

extension KeyedRandom {
    /// In thousandths, below 1.
    fileprivate var fraction: Double {
        mutating get { Double(next() % 1000) / 1000 }
    }
}
