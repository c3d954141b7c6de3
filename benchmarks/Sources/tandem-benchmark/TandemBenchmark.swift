import ArgumentParser
import Benchmarks
import Files
import Foundation
import Reporting
import Settings

extension BenchmarkModel: ExpressibleByArgument {}

extension BenchmarkPart: ExpressibleByArgument {}

extension Recomputation: ExpressibleByArgument {}

@main
struct TandemBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Times the machine, every kernel and whole training steps. docs/performance.md explains each figure.",
        subcommands: [Measure.self, Scaling.self], defaultSubcommand: Measure.self)

    /// Reports a mistake in the command line in one line, too.
    static func main() {
        do {
            var command = try parseAsRoot(CommandWords(CommandLine.arguments.dropFirst()).words)
            try command.run()
        } catch  where exitCode(for: error) == .validationFailure {
            let words = message(for: error).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            endWithUsage(words.joined(separator: " "))
        } catch {
            exit(withError: error)
        }
    }
}
