import CMPI
import Diagnosis
import Foundation
import Settings

/// The process's place among the ranks that `mpirun` or Slurm started, and MPI's beginning and end.
public enum MPIEnvironment {
    /// Read from the launcher's variables, before MPI is initialised: a rank must know who speaks, and settings are
    /// checked against the number of ranks first.
    public struct Launch: Sendable, Equatable {
        public let rank: Int
        public let size: Int
        public let localRank: Int
        public let localSize: Int
        /// A launcher started this process; alone it needs no MPI.
        public let isLaunched: Bool
    }

    public static func launch(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> Launch {
        func number(_ names: String...) -> Int? { names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first }
        guard let rank = number("OMPI_COMM_WORLD_RANK", "PMIX_RANK"),
            let size = number("OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
        else {
            return Launch(rank: 0, size: 1, localRank: 0, localSize: 1, isLaunched: false)
        }
        return Launch(
            rank: rank, size: size, localRank: number("OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID") ?? 0,
            localSize: number("OMPI_COMM_WORLD_LOCAL_SIZE") ?? tasksOnNode(environment) ?? size, isLaunched: true)
    }

    /// Tasks that Slurm started on this node: it lists those of all nodes, as "4(x2),3" for 4, 4 and 3.
    private static func tasksOnNode(_ environment: [String: String]) -> Int? {
        guard let list = environment["SLURM_STEP_TASKS_PER_NODE"],
            let node = environment["SLURM_NODEID"].flatMap({ Int($0) })
        else { return nil }
        let counts = list.split(separator: ",").flatMap { entry -> [Int] in
            let parts = entry.split { "(x)".contains($0) }.compactMap { Int($0) }
            return Array(repeating: parts.first ?? 0, count: parts.count == 2 ? parts[1] : 1)
        }
        return counts.indices.contains(node) ? counts[node] : nil
    }

    /// Starts MPI and returns the group of all ranks; the main thread alone may call collectives. From now on the node's ranks
    /// can read what each of them does, and a watchdog sees when one dies.
    ///
    /// - Throws: a `LaunchFailure` where the launcher's variables are not this process's own, a `CollectiveError` where MPI fails.
    public static func start() throws -> MPIGroup {
        let check = LaunchCheck()
        try check.check()
        try check.checkRoom()
        try check.claimRank()
        // MPI writes into the environment.
        let launch = launch()
        let startWatch = StartWatch(launch)
        defer { startWatch.stop() }
        var provided: Int32 = 0
        try MPIGroup.check("MPI_Init_thread", MPI_Init_thread(nil, nil, Int32(MPI_THREAD_FUNNELED), &provided))
        let world = try MPIGroup(world: cmpi_comm_world())
        try compare(launch, with: world)
        try startWatchdog(world, isLaunched: launch.isLaunched)
        return world
    }

    /// A process whose launcher MPI does not know is a job of its own for MPI, whatever the launcher's variables say.
    private static func compare(_ launch: Launch, with world: MPIGroup) throws(LaunchFailure) {
        guard launch.isLaunched, launch.size != world.size || launch.rank != world.rank else { return }
        let failure = Failure.configuration(
            "the launcher", "says that this is rank \(launch.rank) of \(launch.size), MPI says rank \(world.rank) of \(world.size)",
            remedy: "Start with Open MPI's mpirun, or with srun --mpi=pmix where Slurm and Open MPI have the same PMIx.")
        throw LaunchFailure(failure: failure, isToldByAnother: false)
    }

    /// Where ranks of a node can't share memory, as in containers of their own, each one speaks for itself.
    private static func startWatchdog(_ world: MPIGroup, isLaunched: Bool) throws {
        let node = try world.node()
        let made = node.rank == 0 ? NodeBoard.make(rankCount: node.size) : nil
        let address = try node.allReduce((made?.address ?? [0, 0]).map(Double.init)).map { Int($0) }
        let shared = made ?? NodeBoard.open(madeBy: address[0], descriptor: address[1], rankCount: node.size)
        let allHaveIt = try node.allReduceMinimum([shared == nil ? 0 : 1])[0] == 1
        shared?.closeDescriptor()
        if allHaveIt, let shared {
            try Watchdog.start(OperationLog(shared, place: node.rank, rank: world.rank, process: Int(getpid())), isLaunched: isLaunched)
        } else if let own = NodeBoard.make(rankCount: 1) {
            own.closeDescriptor()
            try Watchdog.start(OperationLog(own, place: 0, rank: world.rank, process: Int(getpid())), isLaunched: isLaunched)
        }
    }

    /// Ends MPI on a rank that has nothing left to do. All ranks call it.
    public static func finish() {
        guard isRunning else { return }
        OperationLog.own?.begin(.ending, step: nil)
        SharedWindows.freeAll()
        // Ranks come to the end one by one: from now on their processes may go.
        OperationLog.own?.end()
        MPI_Finalize()
        Watchdog.stop()
    }

    /// Ends every rank of the job within seconds, with `code` as mpirun's exit status. Why is said already: MPI adds no words.
    public static func abort(_ code: ExitCode) -> Never {
        OperationLog.own?.end()
        if isRunning {
            silenceAbort()
            MPI_Abort(cmpi_comm_world(), code.rawValue)
        }
        // At once: what libraries do at an exit can crash while a thread still uses them.
        _exit(code.rawValue)
    }

    /// `MPI_Abort` explains itself in eight lines, which bury the one that says why. Open MPI 4's runtime is kept from it by its
    /// parameter `orte_execute_quiet`, which would hide other words too if it were set from the start; where another MPI has no such
    /// variable nothing changes.
    private static func silenceAbort() {
        dlsym(nil, "orte_execute_quiet")?.storeBytes(of: true, as: Bool.self)
    }

    public static var isRunning: Bool {
        var started: Int32 = 0
        MPI_Initialized(&started)
        return started != 0 && !hasFinished
    }

    /// MPI has ended on this rank, and can't be started again.
    public static var hasFinished: Bool {
        var ended: Int32 = 0
        MPI_Finalized(&ended)
        return ended != 0
    }

    /// What this node calls itself.
    public static var hostName: String { ProcessInfo.processInfo.hostName }

    /// The library's own name and version, for the record of a run.
    public static var libraryVersion: String {
        var text = [CChar](repeating: 0, count: Int(MPI_MAX_LIBRARY_VERSION_STRING) + 1)
        var length: Int32 = 0
        MPI_Get_library_version(&text, &length)
        return String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: ",").first.map(String.init) ?? ""
    }
}
