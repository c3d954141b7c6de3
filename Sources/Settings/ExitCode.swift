/// The exit codes of all commands. They follow the BSD `sysexits` convention.
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
