/// Exit codes of every command, after the BSD `sysexits` convention.
public enum ExitCode: Int32, Sendable {
    case success = 0
    case usage = 64
    case damagedData = 65
    case missingInput = 66
    case `internal` = 70
    case inputOutput = 74
    case tryAgain = 75
    case configuration = 78
}

/// What a person reads when something can't go on: where, what, and how to mend it, in one line.
///
/// A user's mistake throws one of these; a broken invariant of Tandem's own is a precondition.
public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file, key path or option that is at fault.
    public let place: String
    /// What is wrong with it.
    public let reason: String
    /// What to do about it.
    public let remedy: String
    public let exitCode: ExitCode

    public init(_ place: String, _ reason: String, remedy: String, exitCode: ExitCode) {
        self.place = place
        self.reason = reason
        self.remedy = remedy
        self.exitCode = exitCode
    }

    /// One line, ending with the remedy.
    public var description: String {
        let line = reason.hasSuffix(".") ? "\(place): \(reason) \(remedy)" : "\(place): \(reason). \(remedy)"
        return line.replacing("\n", with: " ")
    }

    public static func configuration(_ place: String, _ reason: String, remedy: String) -> Failure {
        Failure(place, reason, remedy: remedy, exitCode: .configuration)
    }
    public static func damaged(_ place: String, _ reason: String, remedy: String) -> Failure {
        Failure(place, reason, remedy: remedy, exitCode: .damagedData)
    }
    public static func missing(_ place: String, _ reason: String, remedy: String) -> Failure {
        Failure(place, reason, remedy: remedy, exitCode: .missingInput)
    }
    public static func inputOutput(_ place: String, _ reason: String, remedy: String) -> Failure {
        Failure(place, reason, remedy: remedy, exitCode: .inputOutput)
    }
}
