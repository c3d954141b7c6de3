import Foundation
import TestSupport
import Testing

extension CommandTests {
    /// Processes that are not the ranks which their environment says they are.
    @Suite("Launchers that can't be") struct LaunchRefusalTests {
        /// The one line of a command that is refused, and its exit code.
        private func expectLine(_ result: ProcessResult, _ words: String, sourceLocation: SourceLocation = #_sourceLocation) {
            #expect(result.exitCode == Exit.configuration, "\(result.errorOutput)", sourceLocation: sourceLocation)
            let lines = result.errorOutput.split(separator: "\n")
            #expect(
                lines.count == 1 && lines[0].hasPrefix("tandem: ") && lines[0].contains(words), "\(result.errorOutput)",
                sourceLocation: sourceLocation)
        }

        @Test(
            "variables of a job that has ended are refused in one line",
            arguments: ["train config.yaml", "evaluate config.yaml", "train nothing.yaml"])
        func endedJob(command: String) throws {
            let workspace = try Workspace()
            let result = try workspace.shell(
                """
                mpirun -n 1 --oversubscribe sh -c 'export -p > job'
                . ./job
                exec "$TANDEM" \(command)
                """)
            expectLine(result, "belong to a job whose launcher has ended")
            #expect(!workspace.exists("run"))
        }

        @Test(
            "variables of a rank without a job are refused in one line",
            arguments: [
                (["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"], "rank 0 of 2, MPI says rank 0 of 1"),
                (["PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "2"], "rank 0 of 2, MPI says rank 0 of 1"),
                (["PMIX_RANK": "0"], "but not the number of ranks"),
            ])
        func noJob(variables: [String: String], words: String) throws {
            let workspace = try Workspace()
            let result = try runProgram("tandem", ["train", "config.yaml"], folder: workspace.folder.path, environment: variables)
            expectLine(result, words)
            #expect(!workspace.exists("run"))
        }

        @Test("a second command in a rank's place is refused in one line")
        func secondCommand() throws {
            let workspace = try Workspace()
            let result = try workspace.shell("\"$TANDEM\" evaluate config.yaml > first && exec \"$TANDEM\" train config.yaml", ranks: 1)
            #expect(result.exitCode == Exit.configuration, "\(result.errorOutput)")
            #expect(
                result.causeLines.count == 1 && result.causeLines[0].hasPrefix("tandem: rank 0 of this job: was taken by process "),
                "\(result.errorOutput)")
            #expect(!result.errorOutput.contains("MPI_Init") && !workspace.exists("run"))
        }

        @Test("a command that a rank's shells start, at some remove, is the rank")
        func wrapped() throws {
            let workspace = try Workspace()
            let result = try workspace.shell("sh -c 'sh -c \"\\\"$TANDEM\\\" evaluate config.yaml; exit \\$?\"'; exit $?", ranks: 2)
            #expect(result.exitCode == 0 && result.causeLines.isEmpty, "\(result.errorOutput)")
        }

        @Test(
            "tasks that MPI knows nothing of are refused: each would be a job of one rank",
            arguments: [
                (["SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4"], "srun: started 4 tasks"),
                (["PMI_RANK": "0", "PMI_SIZE": "2"], "another MPI (PMI_SIZE): started 2 tasks"),
            ])
        func tasks(variables: [String: String], words: String) throws {
            let workspace = try Workspace()
            for command in [["train", "config.yaml"], ["prepare", "--input", "pairs.jsonl", "--output", "new.h5"]] {
                expectLine(try runProgram("tandem", command, folder: workspace.folder.path, environment: variables), words)
            }
            #expect(!workspace.exists("run") && !workspace.exists("new.h5"))
        }

        @Test(
            "a batch script's own command, a person's shell in a step, and a step of one task are no such tasks",
            arguments: [
                ["SLURM_PROCID": "0", "SLURM_NTASKS": "4"],
                ["SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PTY_PORT": "40000"],
                ["SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"], ["PMI_RANK": "0", "PMI_SIZE": "1"],
            ])
        func single(variables: [String: String]) throws {
            let workspace = try Workspace()
            let result = try runProgram("tandem", ["inspect", "pairs.h5"], folder: workspace.folder.path, environment: variables)
            #expect(result.exitCode == 0 && result.errorOutput.isEmpty, "\(result.errorOutput)")
        }
    }
}
