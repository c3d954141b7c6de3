import Foundation
import TestSupport
import Testing

/// What happens to a run, and what a person must be told.
struct Fault: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// Injects it, beside the run.
    let script: String
    let exitCode: Int32
    /// In the one line that says the cause; nil: the run ends as asked, and there is none.
    let words: String?
    var settings: [String: String] = [:]

    static let all = [
        Fault(testDescription: "SIGKILL of the first rank", script: "saved; kill -KILL $(rank 0)", exitCode: 75, words: "rank 0"),
        Fault(testDescription: "SIGKILL of another rank", script: "saved; kill -KILL $(rank 1)", exitCode: 75, words: "rank 1"),
        Fault(
            testDescription: "SIGSTOP of a rank", script: "saved; kill -STOP $(rank 1)", exitCode: 75, words: "stopped",
            settings: ["run.collective_timeout": "4"]),
        Fault(testDescription: "SIGTERM to a rank", script: "saved; kill -TERM $(rank 1)", exitCode: 0, words: nil),
        Fault(testDescription: "SIGUSR1 to mpirun", script: "saved; kill -USR1 $(launcher)", exitCode: 0, words: nil),
        Fault(testDescription: "SIGKILL of mpirun", script: "saved; kill -KILL $(launcher)", exitCode: 75, words: nil),
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
            #expect(result.exitCode == fault.exitCode, "\(result.errorOutput)")
            let limit = Double(fault.settings["run.collective_timeout"] ?? "0")!
            #expect(seconds < limit + 10)
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

        @Test(
            "a disk that others fill up ends the run, which goes on when there is room again",
            .enabled(if: SmallDisk.canBeMounted, "mounting a small disk takes root"))
        func fullDisk() throws {
            let workspace = try Workspace()
            // Three checkpoints of half a MB, an export, and a rest for others.
            let disk = try SmallDisk(kilobytes: 8192, in: workspace)
            let run = FaultRun(workspace, directory: "disk/run")
            let (result, seconds) = try withExtendedLifetime(disk) {
                try run.train(beside: "saved; step 12; dd if=/dev/zero of=disk/others bs=4k 2> dd.out")
            }
            #expect(result.exitCode == Exit.inputOutput && result.causeLines.count == 1 && seconds < 10, "\(result.errorOutput)")
            #expect(result.causeLines.first?.contains("No space left on device") == true, "\(result.errorOutput)")
            #expect(workspace.remainingProcesses().isEmpty)
            try workspace.remove("disk/others")
            try withExtendedLifetime(disk) { try expectUninterruptedEnd(run, result) }
        }

        /// A rank that asks for more than its group may ever have is refused before it starts: here another process takes the
        /// rest of what was there.
        @Test(
            "a rank that the kernel ends for lack of memory is told as such, and no other stays",
            .enabled(if: LimitedMemory.isPossible, "control groups for memory take root"))
        func outOfMemory() throws {
            let workspace = try Workspace()
            let memory = try LimitedMemory()
            let run = FaultRun(workspace)
            let (result, seconds) = try withExtendedLifetime(memory) {
                try run.train(
                    beside: "saved; echo 1000 > /proc/$(rank 1)/oom_score_adj; \(memory.use(allBut: 8 << 20))",
                    first: "[ $OMPI_COMM_WORLD_RANK = 0 ] || \(memory.enter)")
            }
            #expect(result.exitCode == 75 && seconds < 10, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1, "\(result.errorOutput)")
            for words in ["rank 1", "was killed", "lack of memory"] {
                #expect(result.causeLines.first?.contains(words) == true, "\(result.errorOutput)")
            }
            #expect(workspace.remainingProcesses().isEmpty)
            try expectUninterruptedEnd(run, result)
        }

        /// What ends a job is mended by the launch script alone: a killed rank, and then a damaged checkpoint.
        @Test("launch/local starts a killed run again, past a checkpoint that is damaged since, to the uninterrupted end")
        func restart() throws {
            let workspace = try Workspace()
            let run = FaultRun(workspace)
            let (result, _) = try run.train(
                options: "--restarts 2",
                beside: """
                    saved; step 20
                    kill -KILL $(rank 1)
                    sleep 0.3
                    latest=$(ls -d run/checkpoints/step-* | sort -t - -k 2 -n | tail -1)
                    printf x | dd of=$latest/tensor-0-data-1.h5 bs=1 seek=3000 conv=notrunc 2> dd.out
                    """)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect(result.causeLines.count == 1 && result.causeLines.first?.contains("rank 1") == true, "\(result.errorOutput)")
            #expect(result.errorOutput.contains(/exit code (75|137 \(SIGKILL\)): restart 1 of 2/), "\(result.errorOutput)")
            #expect(result.output.contains("is passed over") && result.output.contains("are set aside in run/checkpoints/set-aside-1"))
            let uninterrupted = try FaultRun.uninterrupted.get()
            #expect(try run.rows() == uninterrupted.rows)
            #expect(try run.weights() == uninterrupted.weights)
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
            for rank in 0..<2 { #expect(jump.wasSeen(by: try workspace.text("pid.\(rank)")), "rank \(rank) never looks at the clock") }
        }
    }
}
