import ArgumentParser
import Collectives
import Diagnosis
import Foundation
import Reporting
import Runs
import Settings
import Tensors

@main
struct Tandem: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tandem",
        abstract: "Trains decoder-only language models on CPU clusters, against frozen reference models.",
        version: tandemVersion,
        subcommands: [Convert.self, Prepare.self, Train.self, Evaluate.self, Score.self, Generate.self, Plan.self, Inspect.self])

    /// Runs the command. Turns every failure into one line and an exit code.
    static func main() {
        // A write past the file size limit then fails with an error instead of killing the process silently.
        signal(SIGXFSZ, SIG_IGN)
        // A rank's output goes to the launcher. If the launcher ends, the watchdog reports it.
        if launch.isLaunched { signal(SIGPIPE, SIG_IGN) }
        Watchdog.listen { report in
            let lines = ["tandem: \(report.failure)"] + report.details.map { "tandem: note: \($0)" }
            Console.writeError(lines.joined(separator: "\n"))
        }
        Storage.whenRefused = { byteCount in
            let failure = Failure(
                "memory", "the system refuses \((byteCount >> 20) + 1) MiB for a buffer (\(String(cString: strerror(errno))))",
                remedy: "Use more nodes, a smaller model or fewer tokens a micro-batch, or raise the limit (ulimit -v).", exitCode: .tryAgain)
            Watchdog.end(failure)
            Console.writeError("tandem: \(failure)")
            _exit(failure.exitCode.rawValue)
        }
        do {
            // Checked first, because even the command line's parser ends silently if it gets no memory.
            try ProcessLimit.tightest()?.checkStart()
            var command = try parseAsRoot(arguments)
            try LaunchCheck().check()
            try checkProcessor()
            if let command = command as? any OneProcessCommand {
                try runOnFirstRank(command)
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            end(failure)
        } catch let launch as LaunchFailure {
            end(launch)
        } catch let agreed as AgreedFailure {
            endTogether(agreed.failure)
        } catch let error as CollectiveError {
            let failure =
                error.cause
                ?? Failure(
                    "rank \(launch.rank) on \(MPIEnvironment.hostName)", error.description,
                    remedy: "Another rank or the network failed; start the run again.", exitCode: .tryAgain)
            end(failure)
        } catch  where exitCode(for: error).isSuccess {
            guard isFirst else { Foundation.exit(EXIT_SUCCESS) }
            // Help or the version. The versions of the libraries are queried only here, not at every start.
            guard message(for: error) == tandemVersion else { exit(withError: error) }
            do throws(Failure) { try Console.write(versionLines.joined(separator: "\n")) } catch { end(error) }
            Foundation.exit(EXIT_SUCCESS)
        } catch {
            end(failure(for: error))
        }
    }

    private static let launch = MPIEnvironment.launch()
    private static var isFirst: Bool { launch.rank == 0 }

    /// The command line, adapted to the parser. The parser has no optional values, so `--resume` becomes `--resume=latest`. It
    /// takes a negative number for an option, so `CommandWords` joins the number to the option before it.
    private static var arguments: [String] {
        CommandWords(CommandLine.arguments.dropFirst()).words.map { $0 == "--resume" ? "--resume=latest" : $0 }
    }

    /// The first rank runs the command. The other ranks wait silently for its end.
    private static func runOnFirstRank(_ command: some OneProcessCommand) throws {
        var command = command
        let isJoined = try Job.join("\(type(of: command))".lowercased())
        if isFirst { try command.run() }
        if isJoined { MPIEnvironment.finish() }
    }

    /// An error of the command line's parser as a failure of one line. Every other unexpected error is a fault of Tandem.
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

    /// Ends the process after a failure that only this rank may have.
    private static func end(_ failure: Failure) -> Never {
        if MPIEnvironment.isRunning {
            if Watchdog.claimWord() {
                Console.writeError("tandem: \(failure)")
            } else {
                // Another rank of this node reports the reason, and its end also ends this rank.
                Thread.sleep(forTimeInterval: 3)
            }
            MPIEnvironment.abort(failure.exitCode)
        }
        // Before MPI starts, all ranks may have the same failure, or only the ranks of a node that lacks a file. The ranks
        // compare their failures, so that one line names them. A single rank starts MPI too: mpirun is silent only about an end
        // that MPI knows of.
        if launch.isLaunched && !MPIEnvironment.hasFinished {
            do { endTogether(try Job.joinInFailing(failure)) } catch { speakAlone(failure, after: isFirst ? 0 : 3) }
        }
        speakAlone(failure, after: isFirst ? 0 : 3)
    }

    /// Ends the process if this rank does not fit its launcher. The ranks can't compare their failures over MPI then.
    private static func end(_ launch: LaunchFailure) -> Never {
        guard launch.isToldByAnother else { speakAlone(launch.failure, after: isFirst ? 0 : 3) }
        // Time for the other task's line to arrive: the end of this task may end all tasks.
        Thread.sleep(forTimeInterval: 3)
        _exit(launch.failure.exitCode.rawValue)
    }

    /// - Parameter seconds: a wait in which the end of another rank may also end this one.
    private static func speakAlone(_ failure: Failure, after seconds: Double) -> Never {
        Thread.sleep(forTimeInterval: seconds)
        Console.writeError("tandem: \(failure)")
        // `_exit` skips the exit handlers of libraries. They can crash after a failure (HDF5: after a failed flush of a file).
        _exit(failure.exitCode.rawValue)
    }

    /// Ends all ranks after a failure that all ranks know. The first rank reports it.
    private static func endTogether(_ failure: Failure) -> Never {
        // All ranks know the failure, so no node's watchdog has to report why the ranks end.
        _ = Watchdog.claimWord()
        if isFirst {
            Console.writeError("tandem: \(failure)")
        } else {
            // Time for the first rank's line to arrive. The end of the first rank also ends this one.
            Thread.sleep(forTimeInterval: 3)
        }
        MPIEnvironment.abort(failure.exitCode)
    }
}
