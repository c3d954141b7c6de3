import Foundation
import Settings

extension Failure {
    /// A file or folder that Foundation could not write, with the system's own words for it.
    public static func unwritable(_ place: String, _ error: any Error, remedy: String) -> Failure {
        let outer = error as NSError
        let inner = (outer.userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError } ?? outer
        let cause = inner.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32(inner.code))) : outer.localizedDescription
        return .inputOutput(place, "can't be written (\(cause))", remedy: remedy)
    }
}
