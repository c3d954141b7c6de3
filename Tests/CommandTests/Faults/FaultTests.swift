import Foundation
import TestSupport
import Testing

/// What happens to a run, and what a person must be told.
struct Fault: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// Injects it, beside the run.
    let script: String
    let exitCodes: Set<Int32>
    /// In the one line that says the cause; nil: the run ends as asked, and there is none.
    let words: String?
    var settings: [String: String] = [:]

    static let all = [
        Fault(testDescription: "SIGKILL of the first rank", script: "saved; kill -KILL $(rank 0)", exitCodes: [75, 137], words: "rank 0"),
        Fault(testDescription: "SIGKILL of another rank", script: "saved; kill -KILL $(rank 1)", exitCodes: [75, 137], words: "rank 1"),
        Fault(
            testDescription: "SIGSTOP of a rank", script: "saved; kill -STOP $(rank 1)", exitCodes: [75], words: "stopped",
            settings: ["run.collective_timeout": "2"]),
        Fault(testDescription: "SIGTERM to a rank", script: "saved; kill -TERM $(rank 1)", exitCodes: [0], words: nil),
        Fault(testDescription: "SIGUSR1 to mpirun", script: "saved; kill -USR1 $(launcher)", exitCodes: [0], words: nil),
        Fault(testDescription: "SIGKILL of mpirun", script: "saved; kill -KILL $(launcher)", exitCodes: [137], words: nil),
    ]
}

extension CommandTests {
    /// Faults that happen to a run from outside. What is wrong with its files is in other suites.
    @Suite("Faults") struct FaultTests {
        @Test("all ranks end within seconds, the cause is told in one line, and the run goes on to the uninterrupted end", arguments: Fault.all)
        func fault(_ fault: Fault) throws {
            let workspace = try Workspace()
            let run = FaultRun(workspace, fault.settings)
            let (result, seconds) = try run.train(beside: fault.script)
            #expect(fault.exitCodes.contains(result.exitCode), "\(result.exitCode): \(result.errorOutput)")
            #expect(seconds < 10)
            #expect(workspace.remainingProcesses().isEmpty)
            #expect(result.causeLines.count == (fault.words == nil ? 0 : 1), "\(result.errorOutput)")
            if let words = fault.words {
                #expect(result.causeLines.first?.contains(words) == true, "\(result.errorOutput)")
                // Before what mpirun says of it.
                let (ours, theirs) = (result.errorOutput.range(of: "tandem: rank"), result.errorOutput.range(of: "mpirun noticed"))
                #expect(ours != nil && (theirs == nil || ours!.lowerBound < theirs!.lowerBound), "\(result.errorOutput)")
            }
            try expectUninterruptedEnd(run, result)
        }

        /// Goes on, from no earlier step than the last one that was said to be saved.
        private func expectUninterruptedEnd(_ run: FaultRun, _ broken: ProcessResult) throws {
            let saved = broken.output.matches(of: /step ([0-9]+): saved/).last.flatMap { Int($0.1) } ?? 0
            let resumed = try run.train(["--resume"])
            #expect(resumed.exitCode == 0, "\(resumed.errorOutput)")
            let from = resumed.output.firstMatch(of: /resumed     after step ([0-9]+)/).flatMap { Int($0.1) } ?? 0
            #expect(from >= saved && (5..<FaultRun.steps).contains(from))
            let uninterrupted = try FaultRun.uninterrupted.get()
            #expect(try run.rows() == uninterrupted.rows)
            #expect(try run.weights() == uninterrupted.weights)
        }

        @Test("a second run in the same folder is refused and leaves the first one alone")
        func twoRuns() throws {
            let workspace = try Workspace()
            let run = FaultRun(workspace, ["schedule.steps": "400"])
            let (result, _) = try run.train(
                beside: "step 4; \"$TANDEM\" train config.yaml --set run.directory=run --resume > second 2>&1; echo $? > second.code")
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(try workspace.text("second.code") == "75\n")
            let lines = try workspace.text("second").split(separator: "\n")
            #expect(lines.count == 1 && lines[0].hasPrefix("tandem: run") && lines[0].contains("process"), "\(lines)")
            // Each step, and the validation before the first and after the last.
            #expect(try run.rows().count == 402)
        }

        @Test(
            "a folder that may not be written any more ends the run, which goes on when it may",
            .enabled(if: LockedFolder.isPossible, "making folders immutable takes root"))
        func readOnly() throws {
            let workspace = try Workspace()
            let run = FaultRun(workspace)
            let folder = LockedFolder(workspace.file("run/checkpoints"))
            let (result, seconds) = try run.train(beside: "saved; \(folder.lock)")
            #expect(result.exitCode == Exit.inputOutput && result.causeLines.count == 1, "\(result.errorOutput)")
            #expect(result.causeLines.first?.contains("run/checkpoints") == true && seconds < 10, "\(result.errorOutput)")
            try folder.unlock()
            try expectUninterruptedEnd(run, result)
        }

        /// The system's time jumps a day ahead and then a year back, as the ranks see it.
        @Test("a clock that jumps changes nothing", .enabled(if: ClockJump.canBeBuilt, "cc is not there"))
        func clock() throws {
            let workspace = try Workspace()
            let jump = try ClockJump(in: workspace)
            let run = FaultRun(workspace, ["run.time_limit": "600", "run.collective_timeout": "30"])
            let (result, _) = try run.train(beside: "step 12; \(jump.by(86_400)); step 30; \(jump.by(-31_536_000))", environment: jump.environment)
            #expect(result.exitCode == 0 && result.causeLines.isEmpty, "\(result.errorOutput)")
            #expect(try run.rows() == FaultRun.uninterrupted.get().rows)
        }
    }
}
