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
        subcommands: [Convert.self, Prepare.self, Train.self, Evaluate.self, Score.self, Generate.self, Plan.self, Inspect.self])

    /// Runs the command and turns whatever went wrong into one line and its exit code.
    static func main() {
        // A write past the file size limit shall fail and be told, not kill the process without a word.
        signal(SIGXFSZ, SIG_IGN)
        let speaksAlone = MPIEnvironment.launch().rank == 0
        do {
            var command = try parseAsRoot(arguments)
            try checkProcessor()
            // Work of one process is the first rank's alone: the others end at once, without a word.
            if speaksAlone || !(command is any OneProcessCommand) { try command.run() }
        } catch let failure as Failure {
            end(failure, isFirstRank: speaksAlone)
        } catch let agreed as AgreedFailure {
            endTogether(agreed.failure, speaks: speaksAlone)
        } catch let error as CollectiveError {
            let failure = Failure(
                "rank \(MPIEnvironment.launch().rank)", error.description,
                remedy: "Another rank or the network failed; start the run again.", exitCode: .tryAgain)
            end(failure, isFirstRank: speaksAlone)
        } catch where exitCode(for: error).isSuccess {
            // Help, or the version.
            if speaksAlone { exit(withError: error) }
            Foundation.exit(EXIT_SUCCESS)
        } catch {
            end(failure(for: error), isFirstRank: speaksAlone)
        }
    }

    /// The command line. An option whose value may be left out is not the parser's: `--resume` alone means the latest.
    private static var arguments: [String] {
        CommandLine.arguments.dropFirst().map { $0 == "--resume" ? "--resume=latest" : $0 }
    }

    /// What the command line's parser refuses, as our one line; anything else that nobody foresaw is a fault of ours.
    private static func failure(for error: any Error) -> Failure {
        guard exitCode(for: error) == .validationFailure else {
            return Failure(
                "internal error", "\(error)", remedy: "This is a fault of Tandem itself: please report it.",
                exitCode: .internal)
        }
        let advice = fullMessage(for: error).split(separator: "\n").last?.trimmingCharacters(in: .whitespaces)
        return Failure(
            "command line", message(for: error), remedy: advice?.hasPrefix("See ") == true ? advice! : "See 'tandem --help'.",
            exitCode: .usage)
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
        // At once: what libraries do at an exit can crash after a failure (HDF5 does, with a file that it could not flush).
        _exit(failure.exitCode.rawValue)
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

    /// Gives the first rank the word, and after it the first of each node: where a whole node lacks a file one of its ranks
    /// speaks, and its exit ends the rest within a second or two.
    private static func waitForTheFirstRank() {
        let launch = MPIEnvironment.launch()
        let isNext = launch.localRank + launch.rank / max(launch.localSize, 1) <= 1
        Thread.sleep(forTimeInterval: isNext ? 3 : 5.5)
    }
}
