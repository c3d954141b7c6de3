import Collectives
import Foundation
import Reporting
import Runs
import Settings

/// Runs a command's work. Reports a failure in one line.
func endingWithOneLine(_ body: () throws -> Void) throws {
    do {
        try checkProcessor()
        try body()
    } catch let failure as Failure {
        end(failure)
    } catch let agreed as AgreedFailure {
        end(agreed.failure)
    } catch let launch as LaunchFailure {
        end(launch.failure)
    } catch let error as CollectiveError {
        end(Failure("MPI", error.description, remedy: "Start the benchmark again.", exitCode: .tryAgain))
    }
}

func endWithUsage(_ mistake: String) -> Never {
    end(Failure("command line", mistake, remedy: "See './launch/benchmark --help'.", exitCode: .usage))
}

/// Ends with the line and the exit code. Under mpirun every rank ends.
private func end(_ failure: Failure) -> Never {
    if MPIEnvironment.launch().rank == 0 || MPIEnvironment.isRunning { Console.writeError("benchmark: \(failure)") }
    MPIEnvironment.abort(failure.exitCode)
}

func checkStartedAlone() throws(Failure) {
    guard MPIEnvironment.launch().isLaunched else { return }
    throw Failure(
        "mpirun", "started this program", remedy: "Start it alone with --ranks, because it calls mpirun itself.", exitCode: .usage)
}

/// Gives `body` an empty folder and removes the folder afterwards.
func inTemporaryFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
    let folder = NSTemporaryDirectory() + "tandem-benchmark-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
}
