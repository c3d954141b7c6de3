import CMPI
import Diagnosis
import Foundation
import Settings

/// The process's place among the ranks that `mpirun` or Slurm started, and the start and end of MPI.
public enum MPIEnvironment {
    /// Read from the launcher's variables before MPI is initialised: a rank must know whether it prints, and settings are
    /// checked against the number of ranks first.
    public struct Launch: Sendable, Equatable {
        public let rank: Int
        public let size: Int
        public let localRank: Int
        public let localSize: Int
        /// Whether a launcher started this process. A process started alone needs no MPI.
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

    /// The number of tasks that Slurm started on this node. Slurm lists the tasks of all nodes: "4(x2),3" means 4, 4 and 3.
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

    /// Starts MPI and returns the group of all ranks. Only the main thread may call collectives. From now on the ranks of a
    /// node can read each other's activity, and a watchdog notices when a rank dies.
    ///
    /// - Throws: a `LaunchFailure` if the launcher's variables do not belong to this process, a `CollectiveError` if MPI
    ///   fails.
    public static func start() throws -> MPIGroup {
        let check = LaunchCheck()
        try check.check()
        try check.checkRoom()
        try check.claimRank()
        // Read before `MPI_Init_thread`, which writes into the environment.
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

    /// Without a launcher known to MPI, MPI starts this process as a job of one rank, whatever the launcher's variables
    /// say.
    private static func compare(_ launch: Launch, with world: MPIGroup) throws(LaunchFailure) {
        guard launch.isLaunched, launch.size != world.size || launch.rank != world.rank else { return }
        let failure = Failure.configuration(
            "the launcher", "says that this is rank \(launch.rank) of \(launch.size), MPI says rank \(world.rank) of \(world.size)",
            remedy: "Start with Open MPI's mpirun, or with srun --mpi=pmix where Slurm and Open MPI have the same PMIx.")
        throw LaunchFailure(failure: failure, isToldByAnother: false)
    }

    /// Ranks that can't share memory, such as ranks in separate containers, get a board of their own and report for
    /// themselves.
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

    /// Ends MPI on a rank that has finished its work. All ranks call it.
    public static func finish() {
        guard isRunning else { return }
        OperationLog.own?.begin(.ending, step: nil)
        SharedWindows.freeAll()
        // Ranks reach this point one by one. From now on the watchdog accepts the end of their processes.
        OperationLog.own?.end()
        MPI_Finalize()
        Watchdog.stop()
    }

    /// Ends every rank of the job within seconds, with `code` as mpirun's exit status. The caller has printed the reason;
    /// MPI prints nothing.
    public static func abort(_ code: ExitCode) -> Never {
        OperationLog.own?.end()
        if isRunning {
            silenceAbort()
            MPI_Abort(cmpi_comm_world(), code.rawValue)
        }
        // `_exit` skips the libraries' exit handlers, which can crash while a thread still uses the library.
        _exit(code.rawValue)
    }

    /// `MPI_Abort` prints eight lines, which bury our line with the reason. Open MPI 4's parameter `orte_execute_quiet`
    /// silences them. Setting it at the start would hide other messages too. Nothing changes if another MPI has no such
    /// variable.
    private static func silenceAbort() {
        dlsym(nil, "orte_execute_quiet")?.storeBytes(of: true, as: Bool.self)
    }

    public static var isRunning: Bool {
        var started: Int32 = 0
        MPI_Initialized(&started)
        return started != 0 && !hasFinished
    }

    /// Whether MPI has ended on this rank. MPI can't be started again.
    public static var hasFinished: Bool {
        var ended: Int32 = 0
        MPI_Finalized(&ended)
        return ended != 0
    }

    /// The name of this node.
    public static var hostName: String { ProcessInfo.processInfo.hostName }

    /// The name and version of the MPI library, for the provenance of a run.
    public static var libraryVersion: String {
        var text = [CChar](repeating: 0, count: Int(MPI_MAX_LIBRARY_VERSION_STRING) + 1)
        var length: Int32 = 0
        MPI_Get_library_version(&text, &length)
        return String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: ",").first.map(String.init) ?? ""
    }
}
