import Foundation
import Settings
import Tensors

/// Checks whether the launcher's variables in the environment can be true. It runs before MPI starts: with wrong variables,
/// MPI ends the process with a page of text.
public struct LaunchCheck {
    private let environment: [String: String]
    private let sockets: LauncherSockets

    /// - Parameters:
    ///   - environment: this process's environment.
    ///   - root: prefix of `/proc`; tests pass another folder.
    public init(_ environment: [String: String] = ProcessInfo.processInfo.environment, root: String = "") {
        self.environment = environment
        sockets = LauncherSockets(root: root)
    }

    /// Refuses variables that contradict each other, variables of a job that has ended, and tasks that do not know each
    /// other: each of these tasks would do the whole work as a job of one rank.
    ///
    /// - Throws: configuration.
    public func check() throws(LaunchFailure) {
        try checkOtherLaunchers()
        do throws(Failure) {
            try checkNumbers()
            try checkServer()
        } catch {
            throw LaunchFailure(failure: error, isToldByAnother: false)
        }
    }

    // MARK: Numbers

    private static let leaveOut = "Start with mpirun; to run alone, unset OMPI_COMM_WORLD_RANK and PMIX_RANK."

    private func checkNumbers() throws(Failure) {
        for (rank, size) in [
            ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),
            ("PMIX_RANK", "PMIX_RANK"),
        ] {
            let (own, count) = (try number(rank), rank == size ? nil : try number(size))
            guard let own, let count, own >= count else { continue }
            throw .configuration("\(rank)=\(own)", "is not below \(size)=\(count)", remedy: LaunchCheck.leaveOut)
        }
        guard environment["PMIX_RANK"] != nil || environment["OMPI_COMM_WORLD_RANK"] != nil,
            !MPIEnvironment.launch(environment).isLaunched
        else { return }
        throw .configuration(
            "the launcher", "gave this process a rank but not the number of ranks (OMPI_COMM_WORLD_SIZE, or Slurm's SLURM_STEP_NUM_TASKS)",
            remedy: LaunchCheck.leaveOut)
    }

    private func number(_ name: String) throws(Failure) -> Int? {
        guard let text = environment[name] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw .configuration("\(name)=\(text)", "is not an integer of 0 or more", remedy: LaunchCheck.leaveOut)
        }
        return number
    }

    // MARK: Launchers unknown to Open MPI

    /// Variables of launchers whose tasks Open MPI does not join into one job.
    private static let otherLaunchers = [
        (size: "PMI_SIZE", rank: "PMI_RANK", name: "the launcher of another MPI (PMI_SIZE)", remedy: "Start with Open MPI's own mpirun."),
        (
            size: "MV2_COMM_WORLD_SIZE", rank: "MV2_COMM_WORLD_RANK", name: "the launcher of another MPI (MV2_COMM_WORLD_SIZE)",
            remedy: "Start with Open MPI's own mpirun."
        ),
        (
            size: "SLURM_STEP_NUM_TASKS", rank: "SLURM_PROCID", name: "srun",
            remedy: "Start with srun --mpi=pmix (srun --mpi=list shows whether it is there), with mpirun, or one task with srun -n 1."
        ),
    ]

    private func checkOtherLaunchers() throws(LaunchFailure) {
        guard environment["OMPI_COMM_WORLD_RANK"] == nil, environment["PMIX_RANK"] == nil else { return }
        for launcher in LaunchCheck.otherLaunchers {
            guard let count = environment[launcher.size].flatMap({ Int($0) }), count > 1, let rank = environment[launcher.rank] else { continue }
            // Interactive shell (`srun --pty`) on the first task: a command typed there starts once.
            if launcher.size == "SLURM_STEP_NUM_TASKS" && environment["SLURM_PTY_PORT"] != nil { continue }
            let failure = Failure.configuration(
                launcher.name, "started \(count) tasks that MPI does not join: each would be a job of one rank", remedy: launcher.remedy)
            throw LaunchFailure(failure: failure, isToldByAnother: rank != "0")
        }
    }

    // MARK: The launcher's server

    /// Launcher variables that tell a user which job is meant.
    private var place: String {
        ["OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMIX_RANK"].compactMap { name in environment[name].map { "\(name)=\($0)" } }
            .joined(separator: ", ")
    }

    /// The port at which the launcher's server listens to this host's ranks.
    private var serverPort: Int? {
        environment.filter { $0.key.hasPrefix("PMIX_SERVER_URI") }.sorted { $0.key < $1.key }.lazy.compactMap { entry in
            entry.value.firstMatch(of: /tcp[46]?:\/\/.*:([0-9]+)$/).flatMap { Int($0.1) }
        }.first
    }

    private func checkServer() throws(Failure) {
        guard MPIEnvironment.launch(environment).isLaunched else { return }
        let isThere: Bool
        if let port = serverPort, let listening = sockets.listeningPorts {
            isThere = listening.contains(port)
        } else {
            // The folder is asked only if the sockets tell nothing: a container may hide the folder of a reachable server.
            isThere = environment["PMIX_SERVER_TMPDIR"].map(FileManager.default.fileExists) ?? true
        }
        guard !isThere else { return }
        throw .configuration(
            place, "belong to a job whose launcher has ended or can't be reached from here", remedy: LaunchCheck.leaveOut)
    }

    // MARK: Room

    /// Refuses to start MPI if a limit of this process leaves too little memory: MPI would end it with pages of text.
    ///
    /// - Throws: configuration.
    func checkRoom() throws(LaunchFailure) {
        do { try ProcessLimit.tightest()?.check(128 << 20, "to start MPI") } catch {
            throw LaunchFailure(failure: error, isToldByAnother: false)
        }
    }

    // MARK: One process for each rank

    /// Claims this rank's place in the job for this process. Only one process can have it: either the rank's command or a
    /// command that it starts.
    ///
    /// - Throws: configuration, if another process has or had the place.
    func claimRank() throws(LaunchFailure) {
        if let port = serverPort, let holder = sockets.ancestor(connectedTo: port) { throw taken(by: holder) }
        guard let folder = environment["PMIX_SERVER_TMPDIR"], let job = environment["PMIX_NAMESPACE"],
            let rank = environment["PMIX_RANK"]
        else { return }
        // The file lies in the job's own folder, which the launcher removes.
        let path = "\(folder)/tandem-\(job.replacing("/", with: "_"))-\(rank)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor >= 0 {
            let text = Array("\(getpid())\n".utf8)
            _ = write(descriptor, text, text.count)
            close(descriptor)
        } else if errno == EEXIST {
            let text = (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
            guard text != "\(getpid())" else { return }
            throw taken(by: text ?? "")
        }
    }

    private func taken(by process: String) -> LaunchFailure {
        let failure = Failure.configuration(
            "rank \(environment["PMIX_RANK"] ?? "?") of this job", "was taken by process \(process): MPI can't be started twice for one rank",
            remedy: "Give a second command an mpirun of its own; to run it alone, unset OMPI_COMM_WORLD_RANK and PMIX_RANK.")
        return LaunchFailure(failure: failure, isToldByAnother: false)
    }
}
