import ArgumentParser
import Benchmarks
import Collectives
import Files
import Foundation
import Planning
import Reporting
import Settings

extension ScalingSeries.Reference: ExpressibleByArgument {}
extension ScalingSeries.Growth: ExpressibleByArgument {}
extension ScalingSeries.Axis: ExpressibleByArgument {}

struct Scaling: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures strong and weak scaling over ranks and forecasts more nodes (docs/planning.md).")

    @Option(parsing: .upToNextOption, help: "Numbers of ranks. 1 is always added.")
    var ranks = [1, 2]

    @Option(parsing: .upToNextOption, help: "The reference: off, on or cached. Default: all three.")
    var reference = ScalingSeries.Reference.allCases

    @Option(parsing: .upToNextOption, help: "How the work grows with the ranks: strong or weak. Default: both.")
    var growth = ScalingSeries.Growth.allCases

    @Option(parsing: .upToNextOption, help: "The axis of the ranks: data or tensor. Default: both.")
    var axis = ScalingSeries.Axis.allCases

    @Option(help: "Number of timed steps of each point in a round.")
    var steps = 3

    @Option(help: "Number of rounds. Each round measures all numbers of ranks.")
    var rounds = 2

    @Option(help: "The most nodes of the forecast.")
    var nodes = 1024

    @Option(
        help: ArgumentHelp("The machine's rates (tandem plan --measure), which the forecast needs.", valueName: "file"), transform: expandedPath)
    var machine: String?

    @Option(help: ArgumentHelp("Also write the points as CSV.", valueName: "file"), transform: expandedPath)
    var csv: String?

    @Option(help: ArgumentHelp("Also write all results as JSON.", valueName: "file"), transform: expandedPath)
    var json: String?

    @Option(help: ArgumentHelp("Also plot efficiency over ranks as SVG.", valueName: "file"), transform: expandedPath)
    var plot: String?

    @Flag(help: "Replace output files even if no benchmark wrote them.")
    var overwrite = false

    @Flag(help: "Steps of milliseconds. Checks that everything works; don't use the figures.")
    var quick = false

    func run() throws { try endingWithOneLine(measure) }

    private func measure() throws {
        try checkStartedAlone()
        var request = ScalingRequest()
        request.ranks = ranks
        request.references = reference
        request.growths = growth
        request.axes = axis
        request.steps = steps
        request.rounds = rounds
        request.nodes = nodes
        request.quick = quick
        request.machine = try machine.map(MachineRates.read)
        let outputs = [csv.map(BenchmarkOutput.csv.path), json.map(BenchmarkOutput.json.path), plot.map(BenchmarkOutput.plot.path)]
        try OutputPath.check(outputs.compactMap(\.self), against: machine.map { [$0] } ?? [], overwriting: overwrite)
        let report = try inTemporaryFolder { folder in
            try ScalingRun(request, folder: folder) { Console.writeError("benchmark: measuring \($0)") }.run()
        }
        for (path, content) in [(csv, Data(report.csv.utf8)), (json, Data((report.json.indented + "\n").utf8)), (plot, Data(report.svg.utf8))] {
            if let path { try TemporaryFile.write(content, to: path) }
        }
        try Console.write(report.text)
    }
}
