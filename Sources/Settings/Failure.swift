/// An error for a person to read, in one line: where, what, and how to mend it.
///
/// A user's mistake throws a `Failure`. A fault of the code itself ends the process in `invariant`.
public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file, key path or option that is at fault.
    public let place: String
    /// The error: what is wrong at the place.
    public let reason: String
    /// How to mend the error.
    public let remedy: String
    public let exitCode: ExitCode

    public init(_ place: String, _ reason: String, remedy: String, exitCode: ExitCode) {
        self.place = place
        self.reason = reason
        self.remedy = remedy
        self.exitCode = exitCode
    }

    /// One line, ending with the remedy. Control characters are escaped and long parts cut, so that text from a file can't
    /// move a terminal's cursor or fill its screen.
    public var description: String {
        let parts = [place, reason, remedy].map { $0.replacing("\n", with: " ").shortened(to: 2_000) }
        return parts[1].hasSuffix(".")
            ? "\(parts[0]): \(parts[1]) \(parts[2])" : "\(parts[0]): \(parts[1]). \(parts[2])"
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

extension String {
    /// Control characters escaped, and at most `limit` characters.
    fileprivate func shortened(to limit: Int) -> String {
        var result = ""
        for scalar in unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.dropFirst(limit).isEmpty ? result : result + "…"
    }
}
