import Collectives
import Foundation

/// The command line that resumes a stopped run, quoted for a shell.
struct ResumeCommand {
    /// The scripts in `launch` set this variable to the command that a person types.
    private static let variable = "TANDEM_RESUME_COMMAND"

    let text: String

    /// - Parameters:
    ///   - arguments: the arguments of this process, the program first.
    ///   - environment: the environment of this process.
    init(
        arguments: [String] = CommandLine.arguments, environment: [String: String] = ProcessInfo.processInfo.environment,
        launch: MPIEnvironment.Launch
    ) {
        if let given = environment[ResumeCommand.variable], !given.isEmpty {
            text = given
            return
        }
        let kept = arguments.filter { $0 != "--resume" && !$0.hasPrefix("--resume=") && $0 != "--overwrite" } + ["--resume"]
        let launcher = launch.isLaunched ? ["mpirun", "-n", "\(launch.size)"] : []
        text = (launcher + kept).map(ResumeCommand.quoted).joined(separator: " ")
    }

    private static func quoted(_ word: String) -> String {
        if word.wholeMatch(of: /[A-Za-z0-9_.,:=@%+\/-]+/) != nil { return word }
        return "'" + word.replacing("'", with: #"'\''"#) + "'"
    }
}
