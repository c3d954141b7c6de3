import Files
import Foundation
import JSON
import Runs
import Settings

/// Starts this program again to measure, alone or under mpirun. Each measurement has its own process, so that the memory of one
/// step does not count in another.
struct Launcher {
    let ranks: Int
    let threads: Int
    let folder: String

    /// The words of the command line before the program.
    var words: [String] {
        guard ranks > 1 else { return [] }
        let fits = ranks * threads <= availableCores().count
        return ["mpirun", "-n", "\(ranks)"]
            + (fits ? ["--map-by", "slot:PE=\(threads)", "--bind-to", "core"] : ["--oversubscribe", "--bind-to", "none"])
    }

    enum Outcome {
        case measured(MeasurementResult)
        /// The trainer refused the configuration for this reason.
        case refused(String)
    }

    func measure(_ tasks: [Measurement.Task], model: BenchmarkModel?, tensor: Int, quick: Bool) throws -> Outcome {
        let output = folder + "/result.json"
        try? FileManager.default.removeItem(atPath: output)
        let measurement = Measurement(
            tasks: tasks, model: model, tensor: tensor, threads: threads, quick: quick, output: output)
        let request = folder + "/measurement.json"
        try TemporaryFile.write(measurement.json.compact.utf8, to: request)
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        let ended = try Subprocess.run(words + [program, "--worker", request], folder: folder)
        guard ended.exitCode == 0 else {
            let lines = ended.errorOutput.split(separator: "\n").map(String.init)
            let cause =
                lines.first { $0.hasPrefix("benchmark: ") }.map { String($0.dropFirst(11)) }
                ?? lines.last ?? "no reason was given"
            if ended.exitCode == ExitCode.configuration.rawValue { return .refused(cause) }
            throw Failure(
                "a measuring process", "ended with exit code \(ended.exitCode) (\(cause))", remedy: "Correct the cause in parentheses.",
                exitCode: .internal)
        }
        return .measured(try MeasurementResult(json: JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: output))))))
    }
}
