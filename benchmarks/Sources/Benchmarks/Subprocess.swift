import Foundation
import Runs
import Settings

/// Runs a program to its end.
enum Subprocess {
    struct Result {
        let exitCode: Int32
        let output: String
        let errorOutput: String
    }

    static func run(
        _ words: [String], folder: String, environment: [String: String] = [:]
    ) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        var variables = ProcessInfo.processInfo.environment
        // mpirun starts as root (in containers) only with both variables.
        variables["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
        variables["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        for (name, value) in environment { variables[name] = value }
        process.environment = variables
        // The output goes to files, because a full pipe would stop the program.
        let paths = ["out", "err"].map { "\(folder)/\($0).txt" }
        for path in paths { try Data().write(to: URL(fileURLWithPath: path)) }
        process.standardOutput = FileHandle(forWritingAtPath: paths[0])
        process.standardError = FileHandle(forWritingAtPath: paths[1])
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        func text(_ path: String) -> String { String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }
        return Result(
            exitCode: process.terminationStatus, output: text(paths[0]), errorOutput: text(paths[1]))
    }
}
