import Foundation

/// What a program that has ended printed, and its exit code.
public struct ProcessResult: Sendable {
    public let exitCode: Int32
    public let output: String
    public let errorOutput: String
    public let seconds: Double
    /// Bytes of the most memory that the program itself held, as seen every few milliseconds; of mpirun not its ranks.
    public let peakMemory: Int

    /// Lines of standard error that Tandem itself wrote.
    public var causeLines: [String] {
        errorOutput.split(separator: "\n").map(String.init).filter { $0.hasPrefix("tandem: ") && !$0.hasPrefix("tandem: note") }
    }
}

/// The folder of this build's programs: that of the test bundle.
public let programFolder =
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path.contains("/usr/")
    ? testBundleFolder : URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path

/// Where a helper of the package manager runs the tests, the bundle is named by an argument.
private var testBundleFolder: String {
    let arguments = CommandLine.arguments
    guard let flag = arguments.firstIndex(of: "--test-bundle-path"), flag + 1 < arguments.count else { return "." }
    var folder = URL(fileURLWithPath: arguments[flag + 1]).resolvingSymlinksInPath()
    while folder.path.contains(".xctest") { folder.deleteLastPathComponent() }
    return folder.path
}

/// Runs one of this build's programs, on `ranks` ranks through mpirun (nil: alone), and waits for its end.
public func runProgram(
    _ name: String, _ arguments: [String], ranks: Int? = nil, folder: String? = nil, timeLimit: Double = 120,
    environment: [String: String] = [:]
) throws -> ProcessResult {
    let program = programFolder + "/" + name
    guard let ranks else {
        return try runCommand([program] + arguments, folder: folder, timeLimit: timeLimit, environment: environment)
    }
    // Tests share two cores: ranks are not bound, and more of them than cores yield to each other.
    let launcher = ["mpirun", "-n", "\(ranks)", "--oversubscribe", "--bind-to", "none"]
    return try runCommand(
        launcher + [program] + arguments, folder: folder, timeLimit: timeLimit, environment: environment)
}

/// Runs any command, found in PATH, and waits for its end.
public func runCommand(
    _ words: [String], folder: String? = nil, timeLimit: Double = 120, environment: [String: String] = [:]
) throws -> ProcessResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // Foundation starts processes with signals blocked, which their own children inherit: nobody could then stop them.
    process.arguments = ["--default-signal"] + words
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    var variables = ProcessInfo.processInfo.environment
    variables["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    variables["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    for (name, value) in environment { variables[name] = value }
    process.environment = variables
    // Files, not pipes: a full pipe would stop the program.
    let scratch = TemporaryFolder()
    for name in ["out", "err"] { try scratch.write("", to: name) }
    process.standardOutput = FileHandle(forWritingAtPath: scratch.file("out"))
    process.standardError = FileHandle(forWritingAtPath: scratch.file("err"))
    process.standardInput = FileHandle.nullDevice
    let start = Date()
    try process.run()
    var peakMemory = 0
    while process.isRunning && Date().timeIntervalSince(start) < timeLimit {
        peakMemory = max(peakMemory, highWaterMark(of: process.processIdentifier))
        usleep(5_000)
    }
    // All that it has started, too: Foundation waits for the last of them.
    if process.isRunning { for each in descendants(of: process.processIdentifier) + [process.processIdentifier] { kill(each, SIGKILL) } }
    process.waitUntilExit()
    return ProcessResult(
        exitCode: process.terminationStatus,
        output: try String(contentsOfFile: scratch.file("out"), encoding: .utf8),
        errorOutput: try String(contentsOfFile: scratch.file("err"), encoding: .utf8),
        seconds: Date().timeIntervalSince(start), peakMemory: peakMemory)
}

private func descendants(of process: Int32) -> [Int32] {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    let children = threads.flatMap { thread in
        ((try? String(contentsOfFile: "/proc/\(process)/task/\(thread)/children", encoding: .utf8)) ?? "").split(separator: " ")
    }.compactMap { Int32($0) }
    return children.flatMap { descendants(of: $0) + [$0] }
}

/// Bytes of the most memory that a running process has held so far; 0 where it has just ended.
private func highWaterMark(of process: Int32) -> Int {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
        let line = status.firstMatch(of: /VmHWM:\s*([0-9]+) kB/)
    else { return 0 }
    return Int(line.1)! * 1024
}

/// Whether a figure of `metrics.jsonl`, named or as it is written, depends on how fast the machine was.
public func isOfClock(_ figure: String) -> Bool {
    figure == "time" || ["second", "communication_hidden", "\"time\""].contains { figure.contains($0) }
}

/// The objects of a JSONL file.
public func readJSONL(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as! [String: Any]
    }
}
