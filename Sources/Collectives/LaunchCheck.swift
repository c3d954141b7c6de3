import Foundation
import Settings
import Tensors

/// That this process can't be the rank which its environment says it is.
public struct LaunchFailure: Error {
    public let failure: Failure
    /// Another task of the same launcher meets it too and tells of it; else this process may be the only one.
    public let isToldByAnother: Bool
}

/// Whether what the environment says of this process's launcher can be true. Looked at before MPI starts, which ends the
/// process with a page of its own words where it is not.
public struct LaunchCheck {
    private let environment: [String: String]
    private let sockets: LauncherSockets

    /// - Parameters:
    ///   - environment: of this process.
    ///   - root: where `/proc` is; another folder for tests.
    public init(_ environment: [String: String] = ProcessInfo.processInfo.environment, root: String = "") {
        self.environment = environment
        sockets = LauncherSockets(root: root)
    }

    /// Refuses variables that contradict each other, that belong to a job which has ended, and tasks that do not know of each
    /// other: each would do the whole work as a job of one rank.
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
            throw .configuration("\(rank)=\(own)", "is no rank of \(size)=\(count)", remedy: LaunchCheck.leaveOut)
        }
        guard environment["PMIX_RANK"] != nil || environment["OMPI_COMM_WORLD_RANK"] != nil,
            !MPIEnvironment.launch(environment).isLaunched
        else { return }
        throw .configuration(
            "the launcher", "gave this process a rank, and not the number of ranks (OMPI_COMM_WORLD_SIZE, or Slurm's SLURM_STEP_NUM_TASKS)",
            remedy: LaunchCheck.leaveOut)
    }

    private func number(_ name: String) throws(Failure) -> Int? {
        guard let text = environment[name] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw .configuration("\(name)=\(text)", "is not a number from 0 on", remedy: LaunchCheck.leaveOut)
        }
        return number
    }

    // MARK: Launchers that Open MPI knows nothing of

    /// Variables of launchers that start tasks which Open MPI's ranks do not find each other by.
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
            // A person's shell on the first task of a step: what is started there is started once.
            if launcher.size == "SLURM_STEP_NUM_TASKS" && environment["SLURM_PTY_PORT"] != nil { continue }
            let failure = Failure.configuration(
                launcher.name, "started \(count) tasks that MPI does not join: each would be a job of one rank", remedy: launcher.remedy)
            throw LaunchFailure(failure: failure, isToldByAnother: rank != "0")
        }
    }

    // MARK: The launcher's server

    /// The variables that tell a person which job is meant.
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
            // A container may hide the folder of a server that it can reach: it is asked only where nothing else tells.
            isThere = environment["PMIX_SERVER_TMPDIR"].map(FileManager.default.fileExists) ?? true
        }
        guard !isThere else { return }
        throw .configuration(
            place, "are left from a job whose launcher has ended, or can't be reached from here", remedy: LaunchCheck.leaveOut)
    }

    // MARK: Room

    /// Refuses to start MPI where a limit of this process's leaves it no room: it would end with pages of its own words.
    ///
    /// - Throws: configuration.
    func checkRoom() throws(LaunchFailure) {
        do { try ProcessLimit.tightest()?.check(128 << 20, "to start MPI") } catch {
            throw LaunchFailure(failure: error, isToldByAnother: false)
        }
    }

    // MARK: One process a rank

    /// Takes this rank's place in the job for this process. A place is taken once: by a rank's command, or by a command that this
    /// one starts, not by both, and not twice.
    ///
    /// - Throws: configuration, where another process has it or had it.
    func claimRank() throws(LaunchFailure) {
        if let port = serverPort, let holder = sockets.ancestor(connectedTo: port) { throw taken(by: holder) }
        guard let folder = environment["PMIX_SERVER_TMPDIR"], let job = environment["PMIX_NAMESPACE"],
            let rank = environment["PMIX_RANK"]
        else { return }
        // In the job's own folder, which its launcher removes.
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
            "rank \(environment["PMIX_RANK"] ?? "?") of this job", "is or was process \(process) already: MPI can't be started for it again",
            remedy: "Give a second command an mpirun of its own; to run it alone, unset OMPI_COMM_WORLD_RANK and PMIX_RANK.")
        return LaunchFailure(failure: failure, isToldByAnother: false)
    }
}

/// What the system tells of a launcher's connections on this host.
struct LauncherSockets {
    private struct Socket {
        let localPort: Int
        let remotePort: Int
        let isListening: Bool
        let isConnected: Bool
        let inode: Substring
    }

    private let root: String

    init(root: String) { self.root = root }

    /// Nil where the system does not tell.
    var listeningPorts: Set<Int>? { sockets.map { Set($0.filter(\.isListening).map(\.localPort)) } }

    /// The process, in words, that started this one, at any remove, and is itself connected to `port`.
    func ancestor(connectedTo port: Int) -> String? {
        let inodes = Set((sockets ?? []).filter { $0.isConnected && $0.remotePort == port }.map { "socket:[\($0.inode)]" })
        guard !inodes.isEmpty else { return nil }
        var process = getppid()
        while process > 1 {
            let folder = "\(root)/proc/\(process)/fd"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            if names.contains(where: { name in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")).map(inodes.contains) ?? false
            }) {
                return "\(process)"
            }
            guard let status = SystemFile.text("\(root)/proc/\(process)/status"), let parent = status.firstMatch(of: /PPid:\s*([0-9]+)/) else { return nil }
            process = Int32(parent.1) ?? 0
        }
        return nil
    }

    /// Of `/proc/net/tcp` and `tcp6`: see proc(5). Nil where neither can be read.
    private var sockets: [Socket]? {
        let tables = ["tcp", "tcp6"].compactMap { SystemFile.text("\(root)/proc/net/\($0)") }
        guard !tables.isEmpty else { return nil }
        return tables.flatMap { table in
            table.split(separator: "\n").dropFirst().compactMap { line -> Socket? in
                let fields = line.split(separator: " ")
                guard fields.count > 9, let local = LauncherSockets.port(fields[1]), let remote = LauncherSockets.port(fields[2]) else { return nil }
                return Socket(
                    localPort: local, remotePort: remote, isListening: fields[3] == "0A", isConnected: fields[3] == "01", inode: fields[9])
            }
        }
    }

    /// Of "0100007F:C843".
    private static func port(_ address: Substring) -> Int? { address.split(separator: ":").last.flatMap { Int($0, radix: 16) } }
}
