import Collectives
import Settings

extension ExitCode {
    /// What a process ends with that can't go on for `error`.
    package init(ofError error: any Error) {
        self =
            switch error {
            case let failure as Failure: failure.exitCode
            case let agreed as AgreedFailure: agreed.failure.exitCode
            case let collective as CollectiveError: collective.cause?.exitCode ?? .tryAgain
            default: .internal
            }
    }
}
