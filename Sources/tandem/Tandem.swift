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
        Watchdog.listen { report in
            let lines = ["tandem: \(report.failure)"] + report.details.map { "tandem: note: \($0)" }
            Console.writeError(lines.joined(separator: "\n"))
        }
        var isForOne = false
        do {
            var command = try parseAsRoot(arguments)
            isForOne = command is any OneProcessCommand
            try checkProcessor()
            // Work of one process is the first rank's alone: the others end at once, without a word.
            if isFirst || !isForOne { try command.run() }
        } catch let failure as Failure {
            end(failure, alone: isForOne)
        } catch let agreed as AgreedFailure {
            endTogether(agreed.failure)
        } catch let error as CollectiveError {
            let failure = error.mismatch ?? Failure(
                "rank \(launch.rank) on \(MPIEnvironment.hostName)", error.description,
                remedy: "Another rank or the network failed; start the run again.", exitCode: .tryAgain)
            end(failure, alone: isForOne)
        } catch where exitCode(for: error).isSuccess {
            // Help, or the version.
            if isFirst { exit(withError: error) }
            Foundation.exit(EXIT_SUCCESS)
        } catch {
            end(failure(for: error), alone: isForOne)
        }
    }

    private static let launch = MPIEnvironment.launch()
    private static var isFirst: Bool { launch.rank == 0 }

    /// The command line. An option whose value may be left out is not the parser's: `--resume` alone means the latest. Nor is a
    /// value that begins with a minus sign: the parser takes it for an option, and the one before for one without a value.
    private static var arguments: [String] {
        var arguments: [String] = []
        for argument in CommandLine.arguments.dropFirst() {
            if let option = arguments.last, option.wholeMatch(of: /--[a-z][a-z-]*/) != nil,
                argument.wholeMatch(of: /-(\.?[0-9].*|inf|infinity|nan)/) != nil
            {
                arguments[arguments.count - 1] = "\(option)=\(argument)"
            } else {
                arguments.append(argument == "--resume" ? "--resume=latest" : argument)
            }
        }
        return arguments
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
    ///
    /// - Parameter alone: no other rank takes part.
    private static func end(_ failure: Failure, alone: Bool) -> Never {
        if MPIEnvironment.isRunning {
            if Watchdog.claimWord() {
                Console.writeError("tandem: \(failure)")
            } else {
                // Another rank of this node says why: its end is this one's too.
                Thread.sleep(forTimeInterval: 3)
            }
            MPIEnvironment.abort(failure.exitCode)
        }
        // Before MPI starts all ranks may have met the same mistake, or only those of a node that lacks a file. They find out
        // together, so that one line says which.
        if launch.size > 1 && !alone && !MPIEnvironment.hasFinished { endTogether(Job.joinInFailing(failure)) }
        if !isFirst { Thread.sleep(forTimeInterval: 3) }
        Console.writeError("tandem: \(failure)")
        // At once: what libraries do at an exit can crash after a failure (HDF5 does, with a file that it could not flush).
        _exit(failure.exitCode.rawValue)
    }

    /// A failure that all ranks know of: the first one says it and ends them all.
    private static func endTogether(_ failure: Failure) -> Never {
        // Known to all: no watchdog of any node has to say why ranks end now.
        _ = Watchdog.claimWord()
        if isFirst {
            Console.writeError("tandem: \(failure)")
        } else {
            // Time for the line to arrive; the first rank's end is this one's too.
            Thread.sleep(forTimeInterval: 3)
        }
        MPIEnvironment.abort(failure.exitCode)
    }
}
