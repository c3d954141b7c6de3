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
        abstract: "Tells a run's memory, operations, messages and time without running it.",
        discussion: """
            The time needs the machine's rates: tandem plan --measure, once, writes them to machine.json, alone or under mpirun
            (then with the speed of messages between ranks). docs/planning.md says how each figure is made.
            """)

    @Argument(help: ArgumentHelp("The run's settings, a YAML file; with --measure the file to write.", valueName: "config"), transform: expandedPath)
    var file: String?

    @Option(help: "Ranks of the job.")
    var ranks = 1

    @Option(help: "Nodes that the ranks are spread over evenly.")
    var nodes = 1

    @Option(help: "Threads of a rank. Left out: run.threads, else the share of a node's cores.")
    var threads: Int?

    @Option(help: ArgumentHelp("The machine's rates. Left out: machine.json, where it is there.", valueName: "file"), transform: expandedPath)
    var machine: String?

    @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key.", valueName: "key.path=value"))
    var overrides: [String] = []

    @Flag(help: "Measures this machine's rates and writes them to the file, machine.json if none is named.")
    var measure = false

    @Flag(help: "With --measure: replace a file that holds no machine's rates.")
    var overwrite = false

    @Flag(help: .hidden)
    var quick = false

    func validate() throws {
        guard !measure || (overrides.isEmpty && machine == nil && ranks == 1 && nodes == 1) else {
            throw ValidationError("--measure takes no configuration: start it under mpirun for several ranks.")
        }
        guard measure || !overwrite else { throw ValidationError("--overwrite is for --measure.") }
        guard measure || file != nil else { throw ValidationError("Missing expected argument '<config>'.") }
        for (name, value, most) in [
            ("--ranks", ranks, 10_000_000), ("--nodes", nodes, 10_000_000), ("--threads", threads ?? 1, RunSettings.mostThreads),
        ] where !(1...most).contains(value) {
            throw ValidationError("\(name) is \(value): give a number from 1 to \(most).")
        }
        guard ranks >= nodes else { throw ValidationError("--nodes \(nodes) is more than the \(ranks) of --ranks.") }
    }

    func run() throws {
        if measure { try measureMachine(file ?? MachineRates.usualFile) } else { try tell(file!) }
    }

    // MARK: A plan

    private func tell(_ file: String) throws {
        // Nothing is done together: under mpirun the first rank speaks.
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
            try Console.write("\nThe step's time is left out: tandem plan --measure, once, finds this machine's rates (\(MachineRates.usualFile)).")
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
        // A file of this machine that is there keeps what could not be measured now; any other is replaced.
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
            path, "is a YAML file, and --measure writes JSON into the file that it is given",
            remedy: "Name a file such as \(MachineRates.usualFile); --measure takes no configuration.", exitCode: .usage)
    }
}
