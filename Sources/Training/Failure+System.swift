import Collectives
import Foundation
import Settings

extension ExitCode {
    /// What a process ends with that can't go on for `error`.
    init(ofError error: any Error) {
        self =
            switch error {
            case let failure as Failure: failure.exitCode
            case let agreed as AgreedFailure: agreed.failure.exitCode
            case let collective as CollectiveError: collective.mismatch?.exitCode ?? .tryAgain
            default: .internal
            }
    }
}

extension Failure {
    /// A file or folder that Foundation could not write, with the system's own words for it.
    public static func unwritable(_ place: String, _ error: any Error, remedy: String) -> Failure {
        let outer = error as NSError
        let inner = (outer.userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError } ?? outer
        let cause = inner.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32(inner.code))) : outer.localizedDescription
        return .inputOutput(place, "can't be written (\(cause))", remedy: remedy)
    }
}
