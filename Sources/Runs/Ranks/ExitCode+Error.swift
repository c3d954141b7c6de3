import Collectives
import Settings

extension ExitCode {
    /// The exit code of a process that ends because of `error`.
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
