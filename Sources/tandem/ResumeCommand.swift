import Collectives
import Foundation

/// The command line with which a run that was stopped goes on, as a shell takes it.
struct ResumeCommand {
    /// What the scripts below `launch` say that a person has to type.
    private static let variable = "TANDEM_RESUME_COMMAND"

    let text: String

    /// - Parameters:
    ///   - arguments: of this process, the program first.
    ///   - environment: of this process.
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
