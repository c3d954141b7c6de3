import ArgumentParser
import Collectives
import Costs
import Files
import Foundation
import Kernels
import Planning
import Reporting
import Runs
import Settings

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Forecasts a run's memory, operations, messages and time without running it.",
        discussion: """
            The time needs the machine's rates. Run tandem plan --measure once: it writes them to machine.json. Under mpirun it \
            also measures the messages between ranks. docs/planning.md explains each figure.
            """)

    @Argument(help: ArgumentHelp("The run's settings, a YAML file. With --measure: the file to write.", valueName: "config"), transform: expandedPath)
    var file: String?

    @Option(help: "Number of ranks.")
    var ranks = 1

    @Option(help: "Number of nodes. The ranks are spread evenly over the nodes.")
    var nodes = 1

    @Option(help: "Threads per rank. Default: run.threads, else the cores of a node divided by its ranks.")
    var threads: Int?

    @Option(help: ArgumentHelp("The machine's rates. Default: machine.json, if it exists.", valueName: "file"), transform: expandedPath)
    var machine: String?

    @Option(name: .customLong("set"), help: ArgumentHelp("Override a key.", valueName: "key.path=value"))
    var overrides: [String] = []

    @Flag(help: "Measure this machine's rates and write them to the named file, or to machine.json.")
    var measure = false

    @Flag(help: "With --measure: replace the file even if it holds no machine's rates.")
    var overwrite = false

    @Flag(help: .hidden)
    var quick = false

    func validate() throws {
        guard !measure || (overrides.isEmpty && machine == nil && ranks == 1 && nodes == 1) else {
            throw ValidationError("--measure takes no --set, --machine, --ranks or --nodes. For several ranks start it under mpirun.")
        }
        guard measure || !overwrite else { throw ValidationError("--overwrite is for --measure.") }
        guard measure || file != nil else { throw ValidationError("Missing expected argument '<config>'.") }
        for (name, value, most) in [
            ("--ranks", ranks, 10_000_000), ("--nodes", nodes, 10_000_000), ("--threads", threads ?? 1, RunSettings.mostThreads),
        ] where !(1...most).contains(value) {
            throw ValidationError("\(name) is \(value): give a number from 1 to \(most).")
        }
        guard ranks >= nodes else { throw ValidationError("--nodes \(nodes) is more than --ranks \(ranks).") }
    }

    func run() throws {
        if measure { try measureMachine(file ?? MachineRates.usualFile) } else { try tell(file!) }
    }

    // MARK: A plan

    private func tell(_ file: String) throws {
        // One process makes the plan: under mpirun the first rank.
        let job = Job()
        let isJoined = try Job.join("plan")
        if job.isFirst { try show(file) }
        if isJoined { job.finish() }
    }

    private func show(_ file: String) throws {
        let configuration = try RunConfiguration.load(path: file, overrides: overrides)
        let rates = try readRates()
        let perNode = (ranks + nodes - 1) / nodes
        let run = try ResolvedRun(
            configuration, rankCount: ranks, purpose: .training, ranksOnNode: perNode, availableMemory: Int.max)
        let cores = rates?.cores ?? availableCores().count
        let plan = try RunPlan(
            run, ranksPerNode: perNode, threads: threads ?? configuration.run.threads ?? max(1, cores / perNode), rates: rates,
            nodeByteCount: rates?.memoryBytes ?? MemoryForecast.availableByteCount())
        try Console.write(PlanTable(plan).text)
        run.notices.forEach(Console.writeNote)
        if rates == nil {
            try Console.write("\nThe step's time needs this machine's rates: run tandem plan --measure once (\(MachineRates.usualFile)).")
        }
    }

    private func readRates() throws(Failure) -> MachineRates? {
        if let machine { return try .read(machine) }
        return FileManager.default.fileExists(atPath: MachineRates.usualFile) ? try .read(MachineRates.usualFile) : nil
    }

    // MARK: The machine

    private func measureMachine(_ path: String) throws {
        let job = Job()
        if job.isFirst {
            try checkIsNoConfiguration(path)
            // Minutes of measuring should not end with a file that can't be written.
            try OutputPath.check([MachineRates.output(path)], against: [], overwriting: overwrite)
        }
        let words = ["plan", "--measure"] + (quick ? ["--quick"] : [])
        let mesh = try job.start(words, ParallelLayout(data: job.rankCount, tensor: 1), sharing: SharedFact.ofProgram)
        let isFirst = job.isFirst
        let measurement = try MachineMeasurement(
            mesh: mesh, workers: try job.workers(threads, mesh), ranksOfNode: job.launch.localSize, isQuick: quick,
            progress: { if isFirst { Console.writeError("tandem: measuring \($0)") } })
        var rates = try measurement.run()
        // Rates that are not measured now are kept from an existing file of the same machine.
        if isFirst, let earlier = try? MachineRates.read(path) { rates = rates.keeping(earlier) }
        try mesh.agreed { [rates] in if isFirst { try rates.write(path) } }
        if isFirst {
            try Console.write(MachineTable(rates).text)
            try Console.write("written to \(path)")
        }
        job.finish()
    }

    private func checkIsNoConfiguration(_ path: String) throws(Failure) {
        guard path.hasSuffix(".yaml") || path.hasSuffix(".yml") else { return }
        throw Failure(
            path, "is a YAML file, but --measure writes JSON to the named file",
            remedy: "Name a file such as \(MachineRates.usualFile). --measure takes no configuration.", exitCode: .usage)
    }
}
