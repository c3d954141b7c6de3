import ArgumentParser
import Collectives
import Foundation
import Reporting
import Settings
import Training

@main
struct Tandem: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tandem",
        abstract: "Trains decoder-only language models on CPU clusters, against frozen reference models.",
        version: tandemVersion,
        subcommands: [Prepare.self, Train.self, Evaluate.self, Score.self, Inspect.self])

    /// Runs the command and turns whatever went wrong into one line and its exit code.
    static func main() {
        let speaksAlone = MPIEnvironment.launch().rank == 0
        do {
            var command = try parseAsRoot()
            try checkProcessor()
            try command.run()
        } catch let failure as Failure {
            end(failure, isFirstRank: speaksAlone)
        } catch let agreed as AgreedFailure {
            endTogether(agreed.failure, speaks: speaksAlone)
        } catch let error as CollectiveError {
            let failure = Failure(
                "rank \(MPIEnvironment.launch().rank)", error.description,
                remedy: "Another rank or the network failed; start the run again.", exitCode: .tryAgain)
            end(failure, isFirstRank: speaksAlone)
        } catch {
            guard speaksAlone else { waitForTheFirstRank(); Foundation.exit(exitCode(for: error).rawValue) }
            exit(withError: error)
        }
    }

    /// A failure that this rank alone may have met.
    private static func end(_ failure: Failure, isFirstRank: Bool) -> Never {
        if MPIEnvironment.isRunning {
            Console.writeError("tandem: \(failure)")
            MPIEnvironment.abort(failure.exitCode)
        }
        // Before MPI starts every rank meets the same mistake: the first one speaks and its exit ends the others. One that
        // is still there after a while has met a mistake of its own (a file that its node lacks).
        if !isFirstRank { waitForTheFirstRank() }
        Console.writeError("tandem: \(failure)")
        Foundation.exit(failure.exitCode.rawValue)
    }

    /// A failure that all ranks know of.
    private static func endTogether(_ failure: Failure, speaks: Bool) -> Never {
        if speaks {
            Console.writeError("tandem: \(failure)")
            MPIEnvironment.abort(failure.exitCode)
        }
        waitForTheFirstRank()
        MPIEnvironment.abort(failure.exitCode)
    }

    private static func waitForTheFirstRank() { Thread.sleep(forTimeInterval: 3) }
}
