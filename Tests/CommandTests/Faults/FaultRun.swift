import Foundation
import TestSupport

/// A run of several data ranks that is hurt on its way and taken up again.
struct FaultRun {
    let workspace: Workspace
    let ranks: Int
    let directory: String
    /// Behind `tandem train config.yaml`.
    private let settings: [String]

    static let steps = 200

    init(_ workspace: Workspace, ranks: Int = 2, directory: String = "run", _ settings: [String: String] = [:]) {
        self.workspace = workspace
        self.ranks = ranks
        self.directory = directory
        var values = ["schedule.steps": "\(FaultRun.steps)", "run.checkpoint_every": "5", "run.directory": directory]
        values.merge(settings) { $1 }
        self.settings = values.sorted { $0.key < $1.key }.flatMap { ["--set", "\($0.key)=\($0.value)"] }
    }

    /// Runs to its end, or to where it ends by itself.
    func train(_ arguments: [String] = []) throws -> ProcessResult {
        try workspace.tandem(["train", "config.yaml"] + settings + arguments, ranks: ranks)
    }

    /// Runs through `launch/local` with a shell script beside it, which finds the functions
    ///
    /// - `step N`, which returns once step N is done, or the job has ended,
    /// - `saved`, which returns once there is a checkpoint,
    /// - `rank N`, which prints the process of a rank, and `launcher`, which prints mpirun's.
    ///
    /// - Parameters:
    ///   - options: of `launch/local`.
    ///   - environment: of the run alone.
    ///   - first: what each rank's shell does before the program takes its place.
    /// - Returns: what the job printed, its exit code, and the seconds from the end of the script to that of all ranks.
    func train(
        _ arguments: [String] = [], options: String = "", beside script: String, environment: [String: String] = [:],
        first: String = ":"
    ) throws -> (result: ProcessResult, seconds: Double) {
        let words = (settings + arguments).joined(separator: " ")
        let variables = environment.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        // A rank's process is the program's: the shell that tells its number becomes it.
        try workspace.folder.write(
            """
            #!/bin/sh
            [ -z "$OMPI_COMM_WORLD_RANK" ] || { \(first); echo $$ > pid.$OMPI_COMM_WORLD_RANK; }
            exec \(programFolder)/tandem "$@"

            """, to: "rank")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: workspace.file("rank"))
        let result = try workspace.shell(
            """
            rm -f code pid.*
            # Tests share the cores: a rank that waits lets others run.
            export TANDEM=$PWD/rank OMPI_MCA_mpi_yield_when_idle=1
            {
              code=0
              env \(variables) \(launchFolder)/local --ranks \(ranks) --threads 1 \(options) train config.yaml \(words) || code=$?
              echo $code > code
            } &
            job=$!
            step() { until grep -qs "\\"step\\": $1[,}]" \(directory)/metrics.jsonl || [ -e code ]; do sleep 0.01; done; }
            saved() { until ls \(directory)/checkpoints/step-*/manifest.json >saves 2>&1 || [ -e code ]; do sleep 0.01; done; }
            rank() { cat pid.$1; }
            launcher() { pgrep -P $(pgrep -P $job bash | head -n 1) mpirun; }
            \(script)
            date +%s%N > injected
            for file in pid.*; do while readlink /proc/$(cat $file)/exe > exe; do sleep 0.01; done; done
            date +%s%N > ended
            wait $job
            exit $(cat code)
            """, timeLimit: 100)
        func time(_ name: String) throws -> Double {
            Double(try workspace.text(name).trimmingCharacters(in: .whitespacesAndNewlines)).map { $0 * 1e-9 } ?? .nan
        }
        return (result, try time("ended") - time("injected"))
    }

    /// Rows of `metrics.jsonl` to the last digit, without what depends on the clock.
    func rows() throws -> [String] {
        try workspace.text(directory + "/metrics.jsonl").split(separator: "\n").map {
            $0.components(separatedBy: ", ").filter { !isOfClock($0) }.joined(separator: ", ")
        }
    }

    func weights() throws -> Data { try workspace.bytes(directory + "/export/model.safetensors") }

    /// Of an uninterrupted run on two ranks.
    static let uninterrupted = Result {
        let run = FaultRun(try Workspace())
        let result = try run.train()
        guard result.exitCode == 0 else { throw CommandFailed(result: result) }
        return (rows: try run.rows(), weights: try run.weights())
    }
}
