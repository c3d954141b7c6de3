import ArgumentParser
import Files
import Foundation
import Settings

/// Expands `~` in a path of the command line, as the commands of `tandem` do.
func expandedPath(_ argument: String) throws -> String {
    guard !argument.isEmpty else { throw ValidationError("A path is empty.") }
    do throws(HomeFolder.Unknown) { return try HomeFolder.expand(argument) } catch {
        throw ValidationError("\"\(argument)\" \(error.reason). \(error.remedy)")
    }
}

/// The kinds of files that a benchmark writes.
enum BenchmarkOutput {
    case json, csv, plot

    func path(_ path: String) -> OutputPath {
        switch self {
        case .json:
            OutputPath(path, option: "--json", holding: "benchmark's figures") { path in
                guard let json = JSONFile.value(path) else { return false }
                return json["machine"]?.members != nil && json["versions"]?.members != nil
            }
        case .csv:
            OutputPath(path, option: "--csv", holding: "benchmark's table") { path in
                let text = BenchmarkOutput.beginning(of: path)
                return text.contains("step_seconds") && text.contains("machine_efficiency")
            }
        case .plot:
            OutputPath(path, option: "--plot", holding: "benchmark's drawing") { path in
                let text = BenchmarkOutput.beginning(of: path)
                return text.contains("<svg") && text.contains("Efficiency (%)")
            }
        }
    }

    private static func beginning(of path: String) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { return "" }
        defer { try? file.close() }
        return String(decoding: (try? file.read(upToCount: 1 << 16)) ?? Data(), as: UTF8.self)
    }
}
