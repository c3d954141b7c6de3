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

    /// Runs the command and turns whatever went wrong into one line and its exit code.
    static func main() {
        // A write past the file size limit shall fail and be told, not kill the process without a word.
        signal(SIGXFSZ, SIG_IGN)
        // The end of a launcher that this rank writes to is the watchdog's to tell.
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
            // First: the parser of the command line, too, ends without a word where it gets no memory.
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
            // Help, or the version: the libraries are asked for theirs only here, not at every start.
            guard message(for: error) == tandemVersion else { exit(withError: error) }
            do throws(Failure) { try Console.write(versionLines.joined(separator: "\n")) } catch { end(error) }
            Foundation.exit(EXIT_SUCCESS)
        } catch {
            end(failure(for: error))
        }
    }

    private static let launch = MPIEnvironment.launch()
    private static var isFirst: Bool { launch.rank == 0 }

    /// The command line. An option whose value may be left out is not the parser's: `--resume` alone means the latest. Nor is a
    /// value that begins with a minus sign: the parser takes it for an option, and the one before for one without a value.
    private static var arguments: [String] {
        CommandWords(CommandLine.arguments.dropFirst()).words.map { $0 == "--resume" ? "--resume=latest" : $0 }
    }

    /// Work of one process is the first rank's alone; the others wait for its end without a word.
    private static func runOnFirstRank(_ command: some OneProcessCommand) throws {
        var command = command
        let isJoined = try Job.join("\(type(of: command))".lowercased())
        if isFirst { try command.run() }
        if isJoined { MPIEnvironment.finish() }
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
    private static func end(_ failure: Failure) -> Never {
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
        // together, so that one line says which. One rank starts MPI too: mpirun keeps quiet only about ends that MPI knows of.
        if launch.isLaunched && !MPIEnvironment.hasFinished {
            do { endTogether(try Job.joinInFailing(failure)) } catch { speakAlone(failure, after: isFirst ? 0 : 3) }
        }
        speakAlone(failure, after: isFirst ? 0 : 3)
    }

    /// A launcher that can't have started this process as it says: MPI can't be asked what other ranks met.
    private static func end(_ launch: LaunchFailure) -> Never {
        guard launch.isToldByAnother else { speakAlone(launch.failure, after: isFirst ? 0 : 3) }
        // Time for the line to arrive, where this task's end is that of all.
        Thread.sleep(forTimeInterval: 3)
        _exit(launch.failure.exitCode.rawValue)
    }

    /// - Parameter seconds: in which another rank's end may be this one's too.
    private static func speakAlone(_ failure: Failure, after seconds: Double) -> Never {
        Thread.sleep(forTimeInterval: seconds)
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
